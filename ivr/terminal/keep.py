"""Keep a call of the terminal as a scenario file."""

from __future__ import annotations

import re
from pathlib import Path

from ivr.errors import InputError


def add_scenario(file: Path, text: str) -> str:
    """Write the scenario `text` to a new file, or add it to one that is there; return its name. Raises InputError."""
    try:
        before = file.read_text("utf-8") if file.exists() else ""
        name = wanted = text.partition("[scenarios.")[2].partition("]")[0]
        number = 1
        while re.search(rf"^\[scenarios\.{name}\]", before, re.MULTILINE):
            number += 1
            name = f"{wanted[:36]}_{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        added = text.replace(f"[scenarios.{wanted}]", f"[scenarios.{name}]", 1)
        file.write_text(f"{before.rstrip()}\n\n{added}" if before.strip() else added, "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be written: {error}") from error
    return name
