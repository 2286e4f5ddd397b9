"""What is known about who calls: his announcements, the state of his services, his calendar, himself.

Called by `session.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ivr.announce.model import KINDS, OUTAGE, PLANNED
from ivr.call import Customer
from ivr.flow import commands as c
from ivr.flow.place import read_variables, write_variables
from ivr.hours import is_open
from ivr.listening import trace_matches
from ivr.record import trace as t

if TYPE_CHECKING:
    from ivr.session import Session

CUSTOMER = "HOTLINE_CUSTOMER"  # whose call it is by what he entered, for a second controller: no digits of his


async def find_announcements(
    session: Session, service: str, kinds: Collection[str] = KINDS
) -> tuple[c.Announcement, ...]:
    """Return the live announcements that concern the caller, in playing order, with what he heard before."""
    found = await session.listening.match(service, kinds)
    trace_matches(session, found)
    if not found:
        session.log.add(t.NO_MATCH, session.step, live=session.parts.live.version)
    return found


async def find_state(session: Session, service: str) -> c.State:
    """Return the outages and planned work that concern the caller, and whether it is known where he lives."""
    found = await find_announcements(session, service, (OUTAGE, PLANNED))
    return c.State(found, bool(session.customer and session.customer.area))


def check_hours(session: Session, name: str) -> c.Hours:
    """Is this calendar open now?"""
    opened = is_open(session.dialplans.hours[name], _now(session))
    session.log.add(t.HOURS, session.step, calendar=name, open=opened)
    return c.Hours(opened)


async def find_customer(session: Session, command: c.FindCustomer) -> c.Customers:
    """Find whose call it is; from now on it is that customer's."""
    if command.by == "number":
        return c.Customers(session.customer is not None)
    found = _by_account(session, command.digits) if command.by == "account" else _by_area(session, command.digits)
    if found is None:
        return c.Customers(False)
    session.customer = found
    session.log.add(t.IDENTIFIED, session.step, by=command.by)
    await session.channel.set_variable(CUSTOMER, write_variables({"number": found.number, "area": found.area}))
    return c.Customers(True)


async def recall_customer(session: Session) -> None:
    """After a take-over: whose call it was, by what he had entered."""
    await session.listening.recall()
    known = read_variables(await session.channel.get_variable(CUSTOMER) or "")
    if known:
        customer = session.parts.live.customer(known.get("number", ""))
        session.customer = _living_in(customer or session.customer, known.get("area", ""))


def _by_account(session: Session, digits: str) -> Customer | None:
    return session.parts.live.account(digits)


def _by_area(session: Session, digits: str) -> Customer | None:
    """Return the caller as far as he is known, living in the area of this postcode."""
    area = session.parts.live.postcode_area(digits)
    return _living_in(session.customer, area) if area else None


def _living_in(customer: Customer | None, area: str) -> Customer:
    return replace(customer, area=area) if customer else Customer("", "", "", area)


def _now(session: Session) -> datetime:
    return datetime.now(ZoneInfo(session.parts.settings.timezone))
