"""Make dialplans/ live while calls are up: check, render, tell Asterisk, publish. What `ivr dialplan reload` does.

All or nothing, in this order: whatever is wrong stops it before the first caller could notice. Called by the command
line, which also rolls back and promotes through it, because Asterisk must know the numbers of what becomes live.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ivr import asterisk
from ivr.answers import Heard
from ivr.db import Database
from ivr.errors import AsteriskError, ConfigError, SpeechError
from ivr.flow.model import Dialplans
from ivr.settings import Settings
from ivr.setup import render_asterisk
from ivr.speech.catalog import keep_index, load_prompt_set, read_index
from ivr.versions.compare import changes, words_changed
from ivr.versions.folder import in_force, read_folder
from ivr.versions.model import Change, Content
from ivr.versions.publish import Outcome, Publisher
from ivr.versions.store import Versions

Report = Callable[[str], None]
PROMPTS_SHOWN = 5


@dataclass(frozen=True)
class Reloaded:
    """What a reload did, or would do. change  None: nothing had to be done, or it was only tried.

    words  what differs from what is live.  notes  what else is good to know.
    """

    content: Content
    change: Change | None = None
    before: Change | None = None
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    heard: Heard = field(default_factory=Heard)


async def reload(
    settings: Settings, *, author: str, note: str = "", share: float | None = None, dry_run: bool = False,
    scenarios: bool = True, report: Report = lambda _: None,
) -> Reloaded:  # fmt: skip
    """Make dialplans/ live, or let `share` percent of new calls try it. scenarios  run those of the folder before.

    Raises ConfigError with every mistake in it, SpeechError when a prompt cannot be spoken: the old version stays live.
    """
    from ivr.desk.dialplan_check import check_folder  # here: going back needs none of it and is quicker without
    from ivr.scenarios.folder import check_scenarios

    checked = await check_folder(settings, settings.dialplans_dir)
    if wrong := [*checked.findings, *checked.unready]:
        raise ConfigError(*wrong)
    dialplans, content = read_folder(settings)
    if scenarios and (failed := check_scenarios(settings, dialplans)):
        raise ConfigError(*failed)
    warned = tuple(str(note) for note in checked.notes)
    async with _publisher(settings) as publisher:
        before = await publisher.store.last()
        words, said = await _words(publisher.store, before, dialplans, content)
        if dry_run:
            return Reloaded(content, None, before, (*words, *_told(said)), warned)
        prompts, heard = await asyncio.to_thread(_render, settings, before, report)
        plans = [*(await in_force(settings) if before else ()), dialplans]
        notes = await _tell_asterisk(settings, plans)
        outcome = await publisher.publish(content, prompts, author=author, note=note, share=share)
        notes += await _tell_asterisk(settings, await in_force(settings))
    words = (*words, *_told([*said, *heard]))
    return Reloaded(content, outcome.change, before, words, tuple(dict.fromkeys((*warned, *notes))), outcome.heard)


async def change_live(settings: Settings, do: Callable[[Publisher], Awaitable[Outcome]]) -> tuple[Outcome, list[str]]:
    """Roll back or promote by `do`; return what it did, and notes."""
    async with _publisher(settings) as publisher:
        outcome = await do(publisher)
        return outcome, await _tell_asterisk(settings, await in_force(settings))


class _publisher:
    """A publisher with connections of its own, closed afterwards."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings)
        self.redis = Redis.from_url(
            settings.redis_address, socket_timeout=6.0, socket_connect_timeout=1.0, decode_responses=True
        )

    async def __aenter__(self) -> Publisher:
        return Publisher(self.database, self.redis)

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self.redis.aclose()
        await self.database.close()


async def _words(
    store: Versions, before: Change | None, dialplans: Dialplans, content: Content
) -> tuple[tuple[str, ...], list[str]]:
    """Return in words what differs from what is live, and which prompts say something else."""
    stored = await store.read(before.version) if before else None
    if stored is None:
        return (), []
    said = words_changed(stored.files, content.files)
    try:
        return tuple(changes(stored.build(), dialplans)), said
    except ConfigError:
        return (f"version {stored.version} is of another Hotline and cannot be compared",), said


def _told(names: Sequence[str]) -> tuple[str, ...]:
    """Return in words which prompts callers will hear anew."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - PROMPTS_SHOWN} more" if len(names) > PROMPTS_SHOWN else ""
    return (f"prompts: {', '.join(names[:PROMPTS_SHOWN])}{more} new or changed",) if names else ()


def _render(settings: Settings, before: Change | None, report: Report) -> tuple[str, list[str]]:
    """Render what is new in the prompts; return their version, and which of them callers will hear anew."""
    from ivr.speech.render import render_prompts

    outcome = render_prompts(settings, report)
    if outcome.failed:
        name, why = next(iter(outcome.failed.items()))
        raise SpeechError(f"nothing was made live: {len(outcome.failed)} prompts cannot be spoken, first {name}: {why}")
    known = load_prompt_set(settings, before.prompts) if before else None
    fresh = read_index(settings)
    if known is None or known.version == fresh.version:
        return keep_index(settings), []
    old = {line: rendered.stem for line, rendered in known.rendered.items()}
    names = [f"{entry.locale}/{entry.key}" for entry in fresh.entries
             if not old.get(entry.line, "").endswith(f"/{entry.stem}")]  # fmt: skip
    return keep_index(settings), names


async def _tell_asterisk(settings: Settings, plans: Sequence[Dialplans]) -> list[str]:
    """Let Asterisk know the numbers and targets of `plans`; return a note when it could not be told."""
    try:
        await asyncio.to_thread(_write_and_reload, settings, plans)
    except (AsteriskError, OSError) as error:
        return [f"Asterisk will know new numbers and targets when it starts next ({error})"]
    return []


def _write_and_reload(settings: Settings, plans: Sequence[Dialplans]) -> None:
    file = settings.var_dir / "asterisk" / "etc" / "extensions.conf"
    before = file.read_bytes() if file.exists() else b""
    render_asterisk(settings, load_prompt_set(settings), plans)
    if file.read_bytes() != before:
        asterisk.reload_dialplan(settings)
