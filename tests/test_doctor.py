"""`ivr doctor` on a running hotline whose parts are taken away one after the other."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hotline import Hotline

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

PARTS = ["programs", "dialplans", "prompts", "database", "redis", "asterisk", "AMI", "FastAGI", "page", "disk",
         "clock"]


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    running = Hotline(tmp_path_factory.mktemp("doctor"))
    try:
        running.start().start_web()
        yield running
    finally:
        running.stop()


def examine(hotline: Hotline) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit status of `ivr doctor --json` and what it says of each part."""
    run = hotline.cli("doctor", "--json", check=False)
    return run.returncode, {part["part"]: part for part in json.loads(run.stdout)}


def unwell(parts: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, part in parts.items() if not part["ok"]]


def until_well(hotline: Hotline, timeout_s: float = 60) -> None:
    """Wait until nothing is unwell any more."""
    ends = time.monotonic() + timeout_s
    while left := unwell(examine(hotline)[1]):
        assert time.monotonic() < ends, f"still unwell after {timeout_s:g} s: {left}"


def test_a_healthy_hotline(hotline: Hotline) -> None:
    """Status 0, every part is there and well, in text and as JSON."""
    status, parts = examine(hotline)
    text = hotline.cli("doctor").stdout

    assert PARTS == list(parts)
    assert [] == unwell(parts)
    assert status == 0
    assert all(part["found"] and not part["mend"] for part in parts.values())
    assert [line.split()[:2] for line in text.splitlines()[:-1]] == [["ok", name] for name in PARTS]
    assert text.splitlines()[-1] == f"{len(PARTS)} of {len(PARTS)} parts are well"


def test_a_controller_that_hangs(hotline: Hotline) -> None:
    """SIGSTOP: its port still accepts, so the line says that it hangs and what to do."""
    hotline.signal("controller", signal.SIGSTOP)
    try:
        status, parts = examine(hotline)
    finally:
        hotline.signal("controller", signal.SIGCONT)

    assert status == 1
    assert ["FastAGI"] == unwell(parts)
    assert "hangs" in parts["FastAGI"]["mend"]
    assert "SIGABRT" in parts["FastAGI"]["mend"]


def test_a_controller_that_is_gone(hotline: Hotline) -> None:
    """Killed: nobody at FastAGI, nobody logged in over AMI; how to start one."""
    hotline.kill("controller")
    try:
        status, parts = examine(hotline)
    finally:
        hotline.start_controller()

    assert status == 1
    assert ["AMI", "FastAGI"] == unwell(parts)
    assert "make run" in parts["FastAGI"]["mend"]


def test_redis_is_gone(hotline: Hotline) -> None:
    """Killed: its line names the address and what to do; the command says which part at its end, with status 1."""
    hotline.kill("redis")
    try:
        run = hotline.cli("doctor", check=False)
    finally:
        hotline.spawn("redis", "native", "redis")

    lines = run.stdout.splitlines()
    found = next(n for n, line in enumerate(lines) if line.startswith("FAIL redis"))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert f"no answer at redis://127.0.0.1:{hotline.settings.redis_port}" in lines[found]
    assert "make run" in lines[found + 1]
    assert "HOTLINE_REDIS_URL" in lines[found + 1]
    assert lines[-1].endswith("not well: redis")


def test_asterisk_is_gone(hotline: Hotline) -> None:
    """Killed: Asterisk's line says where its log is, AMI's points to Asterisk."""
    hotline.kill("asterisk")
    try:
        status, parts = examine(hotline)
    finally:
        hotline.spawn("asterisk", "native", "asterisk")
        until_well(hotline)  # the controller logs in again after a pause of up to 5 s

    assert status == 1
    assert {"asterisk", "AMI"} <= set(unwell(parts))
    assert str(hotline.settings.var_dir / "asterisk/log") in parts["asterisk"]["mend"]
    assert "Asterisk" in parts["AMI"]["mend"]


def test_a_page_that_is_gone(hotline: Hotline) -> None:
    """Killed: only the page is unwell, with its address, and how to start it."""
    hotline.kill("web")
    try:
        status, parts = examine(hotline)
    finally:
        hotline.start_web()

    assert status == 1
    assert ["page"] == unwell(parts)
    assert hotline.page in parts["page"]["found"]
    assert "ivr web" in parts["page"]["mend"]


def test_a_set_up_that_was_never_made(hotline: Hotline) -> None:
    """A fresh var folder: database and prompts say which command makes them, and nothing is a traceback."""
    fresh = Hotline(hotline.folder / "fresh")
    status, parts = examine(fresh)

    assert status == 1
    assert {"prompts", "database", "redis", "asterisk", "AMI", "FastAGI", "page"} == set(unwell(parts))
    assert parts["database"]["mend"] == "make setup"
    assert "prompts render" in parts["prompts"]["mend"]
