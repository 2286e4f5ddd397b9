"""The picture of call flows with what callers did: a stored version, drawn. Called by the page and the API."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr import graphviz
from ivr.db import Database
from ivr.errors import InputError, nearest
from ivr.flow.drawing.draw import draw, reached
from ivr.flow.drawing.picture import dot
from ivr.flow.drawing.svg import svg
from ivr.flow.drawing.ways import Ways
from ivr.flow.load import PROMPTS, SHARED
from ivr.flow.model import Dialplans
from ivr.flow.prompt_texts import texts_of
from ivr.record.period import period
from ivr.record.ways import ways
from ivr.versions.model import Content


async def picture(content: Content, names: Sequence[str], found: Ways | None, language: str = "") -> str:
    """Return the SVG of the flows `names` (or of numbers) of a version and every flow they lead to.

    found  counts to write on the arrows, None for none. Raises InputError for a name there is not, ConfigError
    without Graphviz.
    """
    dialplans = content.build()
    flows = flows_of(dialplans, names)
    drawn = draw(dialplans, reached(dialplans, flows), spoken(content), found, language)
    return svg(drawn, await asyncio.to_thread(graphviz.place, dot(drawn)))


async def counted(database: Database, since: str, now: datetime, zone: ZoneInfo, version: str = "") -> Ways:
    """Return what callers did in the period `since` means, of one version when given. Raises InputError."""
    return await ways(database, period(since, now, zone), (version,) if version else ())


def flows_of(dialplans: Dialplans, names: Sequence[str]) -> tuple[str, ...]:
    """Return the flows that `names` are or lead to, every flow when there are none. Raises InputError."""
    known = [*dialplans.flows, *dialplans.numbers]
    found = []
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else "expected one of " + ", ".join(known)
            raise InputError(f"no flow or number {name!r}; {hint}")
        found.append(name if name in dialplans.flows else dialplans.numbers[name].flow)
    return tuple(dict.fromkeys(found)) or tuple(dialplans.flows)


def spoken(content: Content) -> Mapping[str, Mapping[str, str]]:
    """Return what the prompts of a version say, by language and key; its own win over the shared ones."""
    written: dict[str, dict[str, object]] = {}
    for name in sorted(content.files, key=lambda each: (not each.startswith(SHARED), each)):
        if name.startswith(PROMPTS):
            language = name.rpartition("/")[2].removesuffix(".toml")
            written.setdefault(language, {}).update(tomllib.loads(content.files[name]).get("prompts", {}))
    return texts_of(written)
