"""Programs on PATH are used when they are good enough, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr import native
from ivr.errors import ConfigError
from ivr.settings import load

Fake = Callable[[str, str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """Put programs that print a text on a PATH with nothing else; nothing is unpacked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    use(monkeypatch, tmp_path)

    def add(name: str, text: str) -> Path:
        (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (folder / name).chmod(0o755)
        return folder / name

    yield add
    native.program.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: Any) -> None:
    conf = load(**{"runtime": "auto", "runtime_dir": folder / "runtime", **settings})
    monkeypatch.setattr(native, "settings", lambda: conf)
    native.program.cache_clear()


@pytest.mark.parametrize(
    ("part", "name", "says"),
    [
        ("asterisk", "asterisk", "Asterisk 22.10.1~dfsg+~cs6.15.60671435-1"),
        ("asterisk", "asterisk", "Asterisk 20.0.0"),
        ("redis-server", "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"),
        ("redis-server", "valkey-server", "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"),
        ("sipp", "sipp", "SIPp v3.6.1-TLS-PCAP"),
    ],
)
def test_a_good_program_on_path_is_used(fake: Fake, part: str, name: str, says: str) -> None:
    """It is started directly, without the loader of the unpacked root."""
    path = fake(name, says)

    assert [str(path)] == native.program(part)


@pytest.mark.parametrize(
    ("part", "name", "says", "why"),
    [
        ("asterisk", "asterisk", "Asterisk 18.10.0~dfsg+~cs6.10.404", "is version 18.10.0, 20 or later is needed"),
        ("asterisk", "asterisk", "Asterisk certified/18.9-cert4", "20 or later is needed"),
        ("redis-server", "redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64",
         "is version 6.0.16, 7 or later is needed"),
        ("redis-server", "redis-server", "cannot tell", "7 or later is needed"),
    ],
)
def test_a_program_that_is_too_old_is_not_used(fake: Fake, part: str, name: str, says: str, why: str) -> None:
    """It is missing then, and the error tells what to run."""
    path = fake(name, says)

    assert why in (native.suitable(part, str(path)) or "")
    assert part in native.missing()
    with pytest.raises(ConfigError, match="make setup"):
        native.program(part)


def test_a_newer_valkey_stands_in_for_an_old_redis(fake: Fake) -> None:
    """The second name is tried when the first is too old."""
    fake("redis-server", "Redis server v=6.0.16 sha=00000000:0")
    valkey = fake("valkey-server", "Valkey server v=8.0.1 sha=00000000:0")

    assert [str(valkey)] == native.program("redis-server")


def test_a_private_runtime_ignores_path(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOTLINE_RUNTIME=private: the unpacked program through its own loader, whatever PATH holds."""
    fake("redis-server", "Redis server v=9.0.0 sha=00000000:0")
    use(monkeypatch, tmp_path, runtime="private")
    binary = native.root() / "usr/bin/redis-server"
    loader = native.library_folder() / "ld-linux-any.so.2"
    for file in (binary, loader):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    argv = native.program("redis-server")
    assert str(loader) == argv[0]
    assert str(binary) == argv[-1]


def test_a_program_that_does_not_start_is_missing(fake: Fake, tmp_path: Path) -> None:
    """A broken program on PATH is passed over, not an error."""
    broken = fake("asterisk", "")
    broken.write_bytes(b"\x7fELF")

    assert "asterisk" in native.missing()
