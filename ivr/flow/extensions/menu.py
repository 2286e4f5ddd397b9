"""Recognise a menu of `extensions.conf`: its keys, and what happens at a wrong one or none. Pure.

Asterisk writes a menu as Background, WaitExten and the extensions of the context; its tries are counted by hand, in
`i` and `t`. Here these two are played through with their counters until they do not come back. Used by
`flow/extensions/steps.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ivr.flow.declare import KEYS
from ivr.flow.extensions.made import Catalogue
from ivr.flow.extensions.paths import Jump, Landing, Paths, Spot, meets
from ivr.flow.extensions.walk import counted, follow

TRIES_MOST = 9
LINES = 12  # between an `i` and its menu
SAYING = ("playback", "controlplayback", "background", "backgrounddetect")
WAIT_S = 10  # of WaitExten without a number


@dataclass
class Heard:
    """A run of Background lines. wait  the WaitExten after it, None when something else comes, as `after`."""

    prompts: list[str] = field(default_factory=list)
    lines: list[Landing] = field(default_factory=list)
    wait: Landing | None = None
    after: Landing | None = None

    @property
    def spots(self) -> set[Spot]:
        return {line.spot for line in [*self.lines, self.wait] if line and line.spot}


@dataclass(frozen=True)
class Missed:
    """What `i` or `t` does. tries  0: it does not come back to the menu.  then  after the last, None: never ends."""

    tries: int
    prompts: tuple[str, ...]
    then: Landing | None


def heard_from(paths: Paths, catalogue: Catalogue, first: Landing) -> Heard:
    """Return what is played from `first` on, up to a WaitExten or something else."""
    found, line = Heard(), first
    for _ in range(LINES):
        if line.kind == "waitexten":
            found.wait = line
            return found
        again = line.spot in {each.spot for each in found.lines}
        if line.kind not in SAYING or again or (found.lines and line.skipped):
            break
        found.lines.append(line)
        found.prompts += catalogue.prompts_of(line.args[0] if line.args else "")
        line = follow(paths, following(paths, line), line.env)
    found.after = line
    return found


def following(paths: Paths, line: Landing) -> Jump:
    """Return where `line` goes on."""
    assert line.spot is not None
    return Jump(paths.after(line.spot), line.env.get("EXTEN", line.spot.exten))


def missed(
    paths: Paths, catalogue: Catalogue, exten: str, menu: Heard, own: Collection[str], env: Mapping[str, str]
) -> Missed | None:
    """Return what the extension `exten` (i or t) of the menu's context does; None when there is none.

    own  the menu's prompts: what is said besides them is said before asking again.
    """
    spot = menu.lines[0].spot if menu.lines else menu.wait.spot if menu.wait else None
    target = paths.find(spot.context, exten) if spot else None
    if target is None:
        return None
    said: tuple[str, ...] = ()
    counting: Mapping[str, str] = {name: env.get(counted(name), "") for name in paths.counters} | dict(env)
    for tries in range(TRIES_MOST + 1):
        back, heard, first = _once(paths, catalogue, Jump(target, exten), menu.spots, counting)
        if back is None:
            return Missed(tries, said, first)
        if tries == 0:
            said = tuple(key for key in heard if key not in own)
        counting = back.env
    return Missed(TRIES_MOST, said, None)


def _once(
    paths: Paths, catalogue: Catalogue, start: Jump, spots: Collection[Spot], env: Mapping[str, str], depth: int = 0
) -> tuple[Landing | None, list[str], Landing]:
    """Go from `start` to one of `spots`: where it came back (None: it did not), what was heard, the first line."""
    heard: list[str] = []
    line = first = follow(paths, start, env, counting=True)
    for _ in range(LINES):
        if line.kind in SAYING:
            heard += catalogue.prompts_of(line.args[0] if line.args else "")
        if line.spot in spots:
            return line, heard, first
        if line.kind == "hours" and line.yes and line.no and depth < 3:
            for way in (line.yes, line.no):
                back, more, _ = _once(paths, catalogue, way, spots, line.env, depth + 1)
                if back:
                    return back, heard + more, first
        if line.kind not in (*SAYING, "language") or line.skipped:
            return None, heard, first
        line = follow(paths, following(paths, line), line.env, counting=True)
    return None, heard, first


def longer_extensions(paths: Paths, context: str) -> list[str]:
    """Return the numbers and patterns of `context` that no single key meets."""
    found = paths.file.contexts.get(context)
    longer = (
        [each for each in found.extens if re.fullmatch(r"[0-9*#]{2,}|_[][0-9XZNxzn.!*#+-]{2,}", each)] if found else []
    )
    return [each for each in longer if not (each.startswith("_") and any(meets(each[1:], key) for key in KEYS))]


def seconds(text: str, usual: float) -> float:
    """Return the whole or tenth seconds in `text` as a step may have them."""
    found = min(30, max(1, round(float(text), 1))) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", text) else usual
    return int(found) if found == int(found) else found
