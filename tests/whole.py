"""`make test`: all tests beside each other; the few that fail run once more, alone, and are named either way.

On a small machine four workers, browsers and telephones sometimes take from one test the second it needs. A fault of
the hotline fails alone as well; more than ALONE_MOST failures are never taken for the machine's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ALONE_MOST = 5
BESIDE = ("-n", "4", "--dist", "loadfile")
SOME_FAILED = 1  # pytest's exit status


def run(args: Sequence[str], beside: Sequence[str] = BESIDE, cwd: Path | None = None) -> int:
    """Run tests with pytest's arguments; return its exit status, 0 when each has passed, beside others or alone."""
    with tempfile.TemporaryDirectory() as cache:
        status = _pytest([*beside, "-o", f"cache_dir={cache}", *args], cwd)
        written = Path(cache) / "v/cache/lastfailed"
        failed = list(json.loads(written.read_text())) if status == SOME_FAILED and written.exists() else []
    if not failed or len(failed) > ALONE_MOST:
        return status
    _say("once more, alone:", failed)
    status = _pytest(["-p", "no:cacheprovider", *failed], cwd)
    _say("passed only alone, the rest beside others:" if status == 0 else "failed, beside others or alone:", failed)
    return status


def _pytest(args: Sequence[str], cwd: Path | None) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *args], cwd=cwd, check=False).returncode


def _say(what: str, names: Sequence[str]) -> None:
    sys.stdout.write("\n  ".join([what, *names]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
