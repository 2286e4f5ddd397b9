"""Find the native programs Hotline runs: Asterisk, Redis, SIPp, the speech synthesiser, Graphviz.

A suitable program on PATH is used; else the one unpacked below `.runtime/root` (see `ivr/fetch.py`), started
through its own loader so that the machine's libc does not matter. May import settings and errors only.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ivr.errors import ConfigError
from ivr.settings import settings


@dataclass(frozen=True)
class Part:
    """One native program.

    names  what it may be called on PATH, best first.  inside  its path in the unpacked root.
    version  arguments that print its version.  least  major version needed, 0 for any.
    """

    names: tuple[str, ...]
    inside: str
    version: tuple[str, ...]
    least: int
    packages: tuple[str, ...]


PARTS = {
    "asterisk": Part(("asterisk",), "usr/sbin/asterisk", ("-V",), 20, ("asterisk", "asterisk-moh-opsound-wav")),
    "redis-server": Part(
        ("redis-server", "valkey-server"), "usr/bin/redis-server", ("--version",), 7, ("redis-server",)
    ),
    "sipp": Part(("sipp",), "usr/bin/sipp", ("-v",), 0, ("sip-tester",)),
    "RHVoice-test": Part(
        ("RHVoice-test",),
        "usr/bin/RHVoice-test",
        ("--help",),
        0,
        ("rhvoice", "rhvoice-english", "rhvoice-polish", "rhvoice-russian"),
    ),
    "dot": Part(("dot",), "usr/bin/dot", ("-V",), 2, ("graphviz",)),
}
VOICES = {"en": "slt", "pl": "magda", "ru": "aleksandr-hq"}


def root() -> Path:
    """Return the folder native parts are unpacked into; it need not exist."""
    return settings().path(settings().runtime_dir) / "root"


def library_folder(base: Path | None = None) -> Path:
    """Return the folder of shared libraries in the unpacked root."""
    return (base or root()) / "usr/lib" / f"{platform.machine()}-linux-gnu"


@lru_cache
def program(name: str) -> list[str]:
    """Return the argv prefix that starts `name`, one of PARTS.

    Raises ConfigError when it is neither suitable on PATH nor unpacked.
    """
    found = on_path(name)
    if found:
        return [found]
    return through_loader(root() / PARTS[name].inside)


def through_loader(binary: Path) -> list[str]:
    """Return the argv prefix that starts an unpacked program with the unpacked loader."""
    folder = library_folder()
    loaders = sorted(folder.glob("ld-linux-*.so.*"))
    if not binary.exists() or not loaders:
        raise ConfigError(f"{binary.name} is not set up: run `make setup` (it needs apt-get and a reachable mirror)")
    return [str(loaders[0]), "--library-path", f"{folder}:{folder / 'pulseaudio'}", str(binary)]


def on_path(name: str) -> str | None:
    """Return a suitable `name` on PATH, or None (also when HOTLINE_RUNTIME=private)."""
    if settings().runtime == "private":
        return None
    for candidate in PARTS[name].names:
        path = shutil.which(candidate)
        if path and suitable(name, path) is None:
            return path
    return None


def suitable(name: str, path: str) -> str | None:
    """Tell why the program at `path` cannot serve as `name`, or None when it can."""
    part = PARTS[name]
    if name == "RHVoice-test":
        voices = {p.name.lower() for p in Path("/usr/share/RHVoice/voices").glob("*")}
        lacking = sorted(set(VOICES.values()) - voices)
        return f"lacks the voices {', '.join(lacking)}" if lacking else None
    version = installed_version([path], part)
    if part.least and (version is None or version[0] < part.least):
        return f"is version {'.'.join(map(str, version or ()))}, {part.least} or later is needed"
    return None


def installed_version(argv: list[str], part: Part) -> tuple[int, ...] | None:
    """Ask a program for its version; None when it does not tell."""
    try:
        answer = subprocess.run([*argv, *part.version], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(?:v=|v|\s)(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout + answer.stderr)
    return tuple(int(g) for g in match.groups() if g) if match else None


def version_of(name: str) -> str:
    """Return the version in use as text, for `ivr doctor`; '' when it does not tell."""
    return ".".join(map(str, installed_version(program(name), PARTS[name]) or ()))


def speech_environment() -> dict[str, str]:
    """Return the variables RHVoice-test needs; empty for a system one."""
    if on_path("RHVoice-test"):
        return {}
    return {
        "RHVOICE_DATA_PATH": str(root() / "usr/share/RHVoice"),
        "RHVOICE_CONFIG_PATH": str(root() / "etc/RHVoice"),
    }


def missing(report: Callable[[str], None] = lambda _: None) -> list[str]:
    """Return the parts that can be started neither from PATH nor from the unpacked root."""
    lacking = []
    for name in PARTS:
        try:
            report(f"{name}: {' '.join(program(name)[-1:])}")
        except ConfigError:
            lacking.append(name)
    return lacking
