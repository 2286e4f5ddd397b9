"""What a version of the call flows is, which one a new call follows, and the history of both. Pure.

`store` keeps them, `live` hands them to calls, `publish` makes them live.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ivr.errors import ConfigError
from ivr.flow.draft import version_of
from ivr.flow.load import PROMPTS, build
from ivr.flow.model import Dialplans

LIVE, CANARY, ROLLED_BACK, ENDED = "live", "canary", "rolled_back", "ended"
FOLDER = Path("dialplans")  # how findings call the folder of a stored version
SHARES = 2**32


@dataclass(frozen=True)
class Content:
    """All a version is made of: it can be built again anywhere, without the folder it came from.

    files  name below the folder -> text, words too.  prompt_keys  what a flow could say when it was checked.
    """

    version: str
    files: Mapping[str, str]
    prompt_keys: tuple[str, ...]

    def build(self) -> Dialplans:
        """Return its dialplans. Raises ConfigError when this Hotline does not understand them."""
        flows = {FOLDER / name: text.encode() for name, text in self.files.items() if not name.startswith(PROMPTS)}
        dialplans, findings = build(flows, FOLDER, self.prompt_keys)
        if dialplans is None:
            raise ConfigError(*findings)
        return named(dialplans, self.version)


def named(dialplans: Dialplans, version: str) -> Dialplans:
    """Return `dialplans` under this version: the words count as well."""
    return dialplans if dialplans.version == version else replace(dialplans, version=version)


def content_of(files: Mapping[str, str], prompt_keys: Iterable[str]) -> Content:
    """Return checked files, flows and words, as a version: another word is another version."""
    version = version_of({name: text.encode() for name, text in files.items()})
    return Content(version, dict(files), tuple(sorted(prompt_keys)))


@dataclass(frozen=True)
class Stored:
    """A version as it is listed, without its files."""

    version: str
    at: datetime
    author: str
    note: str


@dataclass(frozen=True)
class Change:
    """One line of the history; the last one holds.

    number  1 for the first.  version  what all calls follow, but `share` percent of new ones when state is CANARY:
    those follow `canary`. In ROLLED_BACK and ENDED rows `canary` names what was live or tried until then.
    prompts, canary_prompts  the prompt index each speaks by.  by, why  who did it and the reason in words.
    """

    number: int
    state: str
    version: str
    prompts: str
    at: datetime
    by: str
    why: str = ""
    canary: str = ""
    canary_prompts: str = ""
    share: float = 0.0

    @property
    def tried(self) -> str:
        """Return the version a share of new calls follows, '' for none."""
        return self.canary if self.state == CANARY else ""


def in_share(call_id: str, canary: str, share: float) -> bool:
    """Tell whether this call is one of the `share` percent that try `canary`: the same answer whoever asks.

    Another canary tries it on other callers.
    """
    digest = hashlib.sha256(f"{canary}:{call_id}".encode()).digest()
    return int.from_bytes(digest[:4]) < share / 100 * SHARES


def state_of(version: str, history: Iterable[Change]) -> str:
    """Return in a word or two what is with a version. history  oldest first."""
    found, last = "never live", None
    for change in history:
        if version == change.version:
            found = "was live"
        elif version == change.canary:
            found = {CANARY: "was tried", ROLLED_BACK: "rolled back", ENDED: "canary ended"}.get(change.state, found)
        last = change
    if last and version == last.version:
        return "live"
    return "canary" if last and version == last.tried else found


def previous(history: Iterable[Change]) -> tuple[str, str]:
    """Return the version one goes back to and its prompt index, '' when there is none.

    Rolled back twice, it is two steps back. The same version with other recordings is a step of its own.
    """
    steps: list[tuple[str, str]] = []
    for change in history:
        step = change.version, change.prompts
        if change.state == ROLLED_BACK and step in steps:
            del steps[len(steps) - steps[::-1].index(step) :]
        elif not steps or step != steps[-1]:
            steps.append(step)
    return steps[-2] if len(steps) > 1 else ("", "")


def since(version: str, history: Iterable[Change]) -> datetime | None:
    """Return when `version` became live or began to be tried the last time, None when it never did."""
    found, before = None, ("", "")
    for change in history:
        now = change.version, change.tried
        if any(name == version != old for name, old in zip(now, before, strict=True)):
            found = change.at
        before = now
    return found


def told(change: Change, before: Change | None) -> str:
    """Return in words what a line of the history did. before  the line before it."""
    version, other = change.version, change.canary
    if change.state == CANARY:
        again = " with other recordings" if other == version else ""
        return f"{other} tried on {change.share:g} %{again}"
    if change.state == ENDED:
        return f"{other} no longer tried"
    same = before is not None and before.version == version
    if change.state == ROLLED_BACK:
        if before is not None and before.tried and same:
            return f"{other} rolled back"
        return f"{other} rolled back, {version} live" if other != version else f"{version} back to its old recordings"
    if before is not None and before.tried == version:
        return f"{version} promoted"
    return f"{version} live" + (" with other recordings" if same and before and not before.tried else "")


def prompts_of(version: str, history: Iterable[Change]) -> str:
    """Return the prompt index `version` spoke by last, '' when it never spoke."""
    found = ""
    for change in history:
        if version == change.version:
            found = change.prompts
        elif version == change.canary:
            found = change.canary_prompts
    return found
