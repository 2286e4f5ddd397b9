"""Write tables as TOML. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def toml_text(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Return a table as TOML: plain values first, then the tables below it."""
    lines = [f"{_key(name)} = {value_text(value)}\n" for name, value in table.items() if not isinstance(value, dict)]
    for name, value in table.items():
        if isinstance(value, dict):
            here = (*path, name)
            lines.append(f"\n[{'.'.join(map(_key, here))}]\n{toml_text(value, here)}")
    return "".join(lines)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def value_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {value_text(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
