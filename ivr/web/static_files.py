"""The files of the folder static, read once: by name, never by a path somebody sends."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent. packed  the same, gzip.  version  the beginning of its hash."""

    kind: str
    content: bytes
    packed: bytes
    version: str


@cache
def files() -> dict[str, StaticFile]:
    """Return all files by their path below static; those of other kinds are not served."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in KINDS and path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            packed = gzip.compress(content, 9, mtime=0)
            found[path.relative_to(FOLDER).as_posix()] = StaticFile(KINDS[path.suffix], content, packed, version)
    return found


def static(name: str) -> str:
    """Return the address of a file, which changes when its content does. Raises KeyError for one that is not there."""
    return f"/static/{name}?v={files()[name].version}"
