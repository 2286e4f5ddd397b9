"""valkey-server for tests: the one on PATH, else the distribution's package unpacked into the cache folder."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ivr import fetch
from ivr.errors import ConfigError
from ivr.native import library_folder
from ivr.settings import settings

PACKAGE = "valkey-server"


def known_valkey() -> tuple[str, ...]:
    """Return the same as `valkey_program`, but skip the test rather than download anything."""
    if not shutil.which(PACKAGE) and not (_folder() / "usr/bin" / PACKAGE).exists():
        pytest.skip(f"no {PACKAGE} here: HOTLINE_TEST_SERVER=valkey brings its package")
    return valkey_program()


@cache
def valkey_program() -> tuple[str, ...]:
    """Return the argv prefix that starts valkey-server. Skips the test, saying why, when there is none to be had."""
    found = shutil.which(PACKAGE)
    if found:
        return (found,)
    try:
        root = _unpacked()
    except (ConfigError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no {PACKAGE} on PATH, and its package cannot be had: {str(error).splitlines()[0]}")
    folder = library_folder(root)
    loader = next(iter(sorted(folder.glob("ld-linux-*.so.*"))), None)
    binary = root / "usr/bin" / PACKAGE
    if loader is None or not binary.exists():
        pytest.skip(f"the package {PACKAGE} holds no {PACKAGE} that can be started here")
    return (str(loader), "--library-path", str(folder), str(binary))


def _unpacked() -> Path:
    target = _folder()
    if not (target / "usr/bin" / PACKAGE).exists():
        apt = target.with_name("apt")
        apt.mkdir(parents=True, exist_ok=True)
        with fetch._only_one(apt / "lock", _silent):
            debs = fetch._download(apt, [PACKAGE], _silent)
            shutil.rmtree(target, ignore_errors=True)
            fetch._unpack_all(debs, target, _silent)
    return target


def _folder() -> Path:
    return settings().path(settings().cache_dir) / "valkey"


def _silent(_: str) -> None:
    return None
