"""Make a scenario of a call that has been: the caller's keys, what was so, what he heard, how it ended.

The caller's number is left out; what counts of him (area, class, language) is kept. Digits of an account are kept
nowhere, so others of the same length stand for them. Called by `ivr call show --as-scenario`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from ivr.announce.model import Version
from ivr.announce.publish import clip_folder
from ivr.announce.store import Announcements
from ivr.call import TraceEntry
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.errors import InputError
from ivr.flow.load import load_spoken
from ivr.flow.model import Dialplans
from ivr.flow.world import Who
from ivr.record import trace as t
from ivr.record.past import past_of
from ivr.record.store import Records
from ivr.scenarios.folder import spoken
from ivr.scenarios.retold import Draft, Retold
from ivr.settings import Settings
from ivr.versions.store import Versions


async def as_scenario(settings: Settings, call: str, *, with_number: bool = False) -> Draft:
    """Return the call whose id is (or begins or ends with) `call` as a scenario. Raises InputError, ConfigError."""
    database = Database(settings)
    try:
        record, trace = await Records(database).show(call)
        who = await _who(database, settings, record.ani)
        dialplans, note = await _dialplans(database, settings, record.flow_version)
        versions = await _announcements(database, settings, trace)
    finally:
        await database.close()
    if record.dnis not in dialplans.numbers:
        raise InputError(f"call {record.call_id} dialled {record.dnis}, which is no number of these dialplans")
    past = past_of(record, trace, who)
    told = Retold(record, trace, past, versions, dialplans, spoken(settings), ZoneInfo(settings.timezone))
    draft = told.draft(record.ani if with_number else "")
    return replace(draft, differs=(*note, *draft.differs))


async def _who(database: Database, settings: Settings, number: str) -> Who | None:
    try:
        customer, *_ = await Customers(database, settings).show(number) if number else ()
    except (InputError, ValueError):
        return None
    return Who(customer.area, customer.class_, customer.language)


async def _dialplans(database: Database, settings: Settings, version: str) -> tuple[Dialplans, tuple[str, ...]]:
    """Return the dialplans the call went through; those of the folder, and a note, when they are not kept."""
    content = await Versions(database).read(version)
    if content is not None:
        return content.build(), ()
    found, _ = load_spoken(settings.dialplans_dir, *settings.prompt_dirs)
    if found.version == version:
        return found, ()
    return found, (f"version {version or '?'} of the flows is not kept: held against the files in dialplans/",)


async def _announcements(
    database: Database, settings: Settings, trace: Sequence[TraceEntry]
) -> dict[tuple[str, int], Version]:
    store = Announcements(database, clip_folder(settings).parent)
    found = {}
    for name in {str(entry.detail["announcement"]) for entry in trace if entry.event == t.MATCHED}:
        try:
            found.update({(each.announcement_id, each.version): each for each in await store.history(name)})
        except InputError:
            continue
    return found
