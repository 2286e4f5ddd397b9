"""The page's process: its first password, its end, and connections that never say what they want."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ivr.db import upgrade
from ivr.settings import PROJECT
from tests.support.hotline import Hotline

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A page alone: no Redis, no Asterisk, no controller."""
    running = Hotline(tmp_path_factory.mktemp("page"))
    upgrade(running.settings)
    try:
        running.start_web()
        yield running
    finally:
        running.stop()


def passwords_in(page: Hotline) -> list[str]:
    return re.findall(r"first user: admin · one-time password, shown only once: (\S+)", page.tail("web", 100_000))


def test_the_first_password_is_printed_once(page: Hotline) -> None:
    """One clear line at the very first start; SIGTERM ends it with status 0; the second start prints none."""
    first = passwords_in(page)
    page.signal("web", signal.SIGTERM)
    ended = page.processes["web"].wait(15)
    page.start_web()

    assert len(first) == 1
    assert passwords_in(page) == first
    assert ended == 0
    assert f"ready: page {page.page}/" in page.tail("web", 100_000)
    assert "Traceback" not in page.tail("web", 100_000)
    assert httpx.post(f"{page.page}/login", data={"name": "admin", "password": first[0]}).headers["location"] == (
        "/account/password"
    )


@pytest.mark.parametrize("sent", [b"", b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "], ids=["silent", "half"])
def test_a_connection_that_never_says_what_it_wants_is_closed(page: Hotline, sent: bytes) -> None:
    """Slow senders hold a connection for 10 s, not for ever."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", page.settings.web_port), timeout=30) as connection:
        connection.sendall(sent)
        try:
            rest = connection.recv(100)
        except ConnectionResetError:
            rest = b""

    assert rest == b""
    assert 8 < time.monotonic() - began < 25


def test_a_head_without_end_is_refused(page: Hotline) -> None:
    """64 KiB of headers: 400 and closed; the page goes on."""
    with socket.create_connection(("127.0.0.1", page.settings.web_port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: " + b"a" * 65536)
        answer = connection.recv(100)

    assert answer.startswith(b"HTTP/1.1 400")
    assert httpx.get(f"{page.page}/health").text == "ok\n"


def test_plain_http_beyond_this_machine_and_a_taken_port_are_refused(page: Hotline, tmp_path: Path) -> None:
    """One line saying which setting, status not 0, nothing served."""
    taken = str(page.settings.web_port)
    for setting, said in ((("WEB_HOST", "0.0.0.0"), "unencrypted"), (("WEB_PORT", taken), "port")):
        run = subprocess.run(
            [sys.executable, "-m", "ivr", "web"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
            env={**page.environment, "HOTLINE_" + setting[0]: setting[1]},
        )
        assert run.returncode != 0
        assert said in run.stderr
        assert f"HOTLINE_{setting[0]}" in run.stderr
        assert "Traceback" not in run.stderr
