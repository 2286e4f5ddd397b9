"""Install asterisk-ami into a folder of its own: `python -m tests.interop.environment` (part of set-up).

It cannot share an environment with pyst2, both own the package `asterisk`. What is installed is locked by hash.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ivr.settings import settings

LOCK = Path(__file__).with_name("asterisk-ami.lock")


def folder() -> Path:
    """Return the folder for PYTHONPATH; it need not exist."""
    version = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    return settings().path(settings().runtime_dir) / "interop" / f"asterisk-ami-{version}"


def main() -> Path:
    """Install it unless it is there; return its folder. Raises RuntimeError with what pip said."""
    target = folder()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        install = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary", ":all:", "--require-hashes", "--target", f"{made}/new", "--requirement", str(LOCK)],
            capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        if install.returncode:
            raise RuntimeError(f"asterisk-ami could not be installed: {install.stderr.strip()[-500:]}")
        if not target.exists():
            shutil.move(f"{made}/new", target)
    return target


if __name__ == "__main__":
    print(main())  # noqa: T201
