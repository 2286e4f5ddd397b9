"""A rendered Asterisk configuration without an Asterisk, and its sections, for lint tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ivr import asterisk
from ivr.asterisk import AgentPhone, Secrets
from ivr.settings import PROJECT, load

CONF = PROJECT / "asterisk-conf"
CONTEXTS = PROJECT / "dialplans" / "asterisk"
SECRETS = Secrets("c" * 64, "n" * 64, "t" * 64, "d" * 64, "e" * 64)
PHONES = (AgentPhone("ag-ann-1", "p" * 32, "ann", "Ann"), AgentPhone("ag-bob-2", "q" * 32, "bob", "Bob; [x]\nload = y"))


def render(folder: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any] | None = None, **how: Any) -> Path:
    """Render into `folder`/var; `settings` of ivr.settings, `how` for render."""
    monkeypatch.setattr(asterisk, "_asterisk_folders", lambda: (Path("/modules"), Path("/data"), Path("/music")))
    networks = {"trunk_from": "192.0.2.0/24", "agent_from": "198.51.100.0/24"}
    chosen = load(**{"var": folder / "var", **networks, **(settings or {})})
    values: dict[str, Any] = {
        "secrets": SECRETS, "numbers": ("100", "+48221000"), "phones": PHONES, "emergency": ("PJSIP/ag-ann-1",),
        "targets": {"reception": "PJSIP/ag-bob-2"}, "fallback_prompt": "/p/trouble", "goodbye_prompt": "/p/bye", **how,
    }
    return asterisk.render(chosen, **values)


def lines(file: Path) -> list[str]:
    """Lines of a configuration without comments."""
    return [line for raw in file.read_text().splitlines() if (line := re.sub(r"(?<!\\);.*", "", raw).strip())]


def section(file: Path, name: str) -> list[str]:
    """Lines of all sections called `name`, templates included."""
    found, inside = [], False
    for line in lines(file):
        if line.startswith("["):
            inside = line.startswith(f"[{name}]")
        elif inside:
            found.append(line)
    return found
