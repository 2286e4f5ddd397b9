"""One line of counts per proof, appended to the file HOTLINE_MODEL_COUNTS names: what `make test-routing` adds up."""

from __future__ import annotations

import json
import os
from pathlib import Path


def add_counts(what: str, **counts: float) -> None:
    """Append a line; nothing without the variable."""
    name = os.environ.get("HOTLINE_MODEL_COUNTS")
    if name:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, **counts}) + "\n")
