"""Dialplans of a few lines in a folder of their own, in versions that tests can tell apart."""

from __future__ import annotations

from pathlib import Path

from ivr.settings import Settings
from ivr.sound import PromptSet
from ivr.versions.folder import read_folder
from ivr.versions.live import Edition
from ivr.versions.model import Content
from tests.support.desk import desk_settings
from tests.support.flows import files, text


def versions_settings(folder: Path) -> Settings:
    """Return settings with a database and an empty folder of dialplans."""
    return desk_settings(folder, dialplans=folder / "dialplans")


def write(settings: Settings, step: str = "one", **others: str) -> None:
    """Write dialplans whose flow `main` has one step of this name. others  numbers, queues, hours when not usual."""
    flow = text(f'[steps.{step}]\nkind = "say"\nprompt = "welcome"\nnext = "end"\n', start=step)
    for file, content in files(flow, **others).items():
        target = settings.dialplans_dir / file.relative_to("dialplans")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def spoil(settings: Settings) -> None:
    """Put a mistake into the flow."""
    file = settings.dialplans_dir / "flows" / "main.toml"
    file.write_text(file.read_text().replace("rescue", "rescu"))


def content(settings: Settings, step: str = "one", **others: str) -> Content:
    """Write dialplans and return them as the content of a version."""
    write(settings, step, **others)
    return read_folder(settings)[1]


def steps(edition: Edition) -> set[str]:
    """Return which steps the flow `main` has, without the one all have."""
    return set(edition.dialplans.flows["main"].steps) - {"end"}


NO_PROMPTS = PromptSet("", {})
