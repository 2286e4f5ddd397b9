"""At most as many tests with real telephones at once as the machine has cores: audio must not stutter."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS = max(1, os.cpu_count() or 1)
LOOK_S = 0.1


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of SLOTS places, shared by all test runs of this user; it is free again when the process ends."""
    folder = Path(tempfile.gettempdir())
    files = [(folder / f"hotline-calls-{os.getuid()}-{number}").open("w") for number in range(SLOTS)]
    try:
        held = False
        while not held:
            for file in files:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                held = True
                break
            else:
                time.sleep(LOOK_S)
        yield
    finally:
        for file in files:
            file.close()
