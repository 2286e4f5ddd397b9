"""What the database knows of a caller: which customer he is, whose account numbers there are, what ops has posted.

Reads the same snapshot as a controller. A database that is not there is a note, not an error: the call goes on without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.announce.live import Live
from ivr.announce.model import Version
from ivr.announce.wording import wording
from ivr.call import Call, Customer
from ivr.db import Database
from ivr.errors import DatabaseError
from ivr.flow.asked import Live as Announcements
from ivr.flow.commands import Announcement
from ivr.flow.world import Who
from ivr.settings import Settings


@dataclass(frozen=True)
class Known:
    """note  what to tell, in one line.  accounts, postcodes  whom these digits find.

    numbers  the telephone number of each account.
    live  asked for announcements, None when they cannot be.  texts  what their clips say, by stem.
    """

    note: str
    customer: Who | None = None
    accounts: Mapping[str, Who] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    postcodes: Mapping[str, Who] = field(default_factory=dict)
    live: Announcements | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


def look_up(settings: Settings, number: str, dialled: str, *, announcements: bool) -> Known:
    """Return what the database knows of who calls `dialled` from `number`. announcements  also what is live."""
    try:
        live = asyncio.run(_load(settings))
    except (DatabaseError, TimeoutError) as error:
        what = "the caller is unknown, nothing is live" if announcements else "the caller is unknown"
        return Known(f"{what}: {str(error) or 'the database does not answer'}")
    customer = live.customer(number)
    customers = live.snapshot.customers
    told = f"{number or 'withheld'}: {_described(customer)}"
    if announcements:
        told += f"; live announcements: {len(live.snapshot.announcements)}, of which he hears what concerns him"
    zone = ZoneInfo(settings.timezone)
    return Known(
        told,
        _who(customer) if customer else None,
        {digits: _who(each) for digits, each in customers.accounts.items()},
        {digits: each.number for digits, each in customers.accounts.items()},
        {digits: Who(area) for digits, area in customers.postcodes.items()},
        _matching(live, dialled) if announcements else None,
        {stem: text for each in live.snapshot.announcements for stem, text in _texts(each, zone)},
    )


async def _load(settings: Settings) -> Live:
    database = Database(settings)
    try:
        live = Live(database, None, settings)
        await live.refresh()
    finally:
        await database.close()
    return live


def _matching(live: Live, dialled: str) -> Announcements:
    def match(number: str, language: str, service: str, at: datetime) -> tuple[Announcement, ...]:
        found = live.match(Call("try", number, dialled, ""), language=language, service=service, now=at)
        can = bool(live.settings.trunk_to)  # only then callers can be called
        return tuple(replace(each, opt_in=each.opt_in and can) for each in found)

    return match


def _texts(version: Version, zone: ZoneInfo) -> list[tuple[str, str]]:
    return [
        (clip.file, wording(version, language, which, zone))
        for language, variants in version.clips.items() if language in version.texts
        for which, clip in variants.items()
    ]  # fmt: skip


def _who(customer: Customer) -> Who:
    return Who(customer.area, customer.class_, customer.language)


def _described(customer: Customer | None) -> str:
    if customer is None:
        return "no customer has this number"
    return f"customer, class {customer.class_}, area {customer.area or 'unknown'}"
