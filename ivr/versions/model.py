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
from ivr.flow.load import build
from ivr.flow.model import Dialplans

LIVE, CANARY, ROLLED_BACK, ENDED = "live", "canary", "rolled_back", "ended"
FOLDER = Path("dialplans")  # how findings call the folder of a stored version
PROMPTS = "prompts/"  # files below it are wording; the flows are all the others
SHARES = 2**32


@dataclass(frozen=True)
class Content:
    """All a version is made of: it can be built again anywhere, without the folder it came from.

    files  name below the folder -> text.  prompt_keys  what a flow could say when it was checked.
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
    """Return `dialplans` under this version: the wording of its folder counts as well."""
    return dialplans if dialplans.version == version else replace(dialplans, version=version)


def content_of(dialplans: Dialplans, files: Mapping[str, str], prompt_keys: Iterable[str]) -> Content:
    """Return checked dialplans with the files they were read from. Their version names the wording, too."""
    wording = sorted((name, text) for name, text in files.items() if name.startswith(PROMPTS))
    version = dialplans.version
    if wording:
        version = hashlib.sha256(repr((version, wording)).encode()).hexdigest()[:12]
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


def previous(history: Iterable[Change]) -> str:
    """Return the version one goes back to, '' when there is none: rolled back twice, it is two steps back."""
    steps: list[str] = []
    for change in history:
        if change.state == ROLLED_BACK and change.version in steps:
            del steps[len(steps) - steps[::-1].index(change.version) :]
        elif not steps or change.version != steps[-1]:
            steps.append(change.version)
    return steps[-2] if len(steps) > 1 else ""


def prompts_of(version: str, history: Iterable[Change]) -> str:
    """Return the prompt index `version` spoke by last, '' when it never spoke."""
    found = ""
    for change in history:
        if version == change.version:
            found = change.prompts
        elif version == change.canary:
            found = change.canary_prompts
    return found
