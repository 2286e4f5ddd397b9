"""Whose call it is, and what concerns him then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr.announce.live import Live
from ivr.announce.model import INFO, PLANNED, Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Customer
from ivr.desk.customers import Customers
from ivr.flow.commands import Customers as Found
from ivr.flow.commands import FindCustomer
from ivr.known import find_announcements, find_customer, find_state, recall_customer
from tests.support.desk import FakeMaker, desk_settings, opened
from tests.support.known_call import KnownCall

WOLA = "pl/mazowieckie/warszawa/wola"
JAN = Customer("+48221234567", "A-1001", "Jan", f"{WOLA}/node-17", "pl", "vip", "01-234")
OLA = Customer("+48221234568", "1002", "Ola", f"{WOLA}/node-18", "", "normal", "01-234")
ME = Customer("+48601999888", "7", "Ewa", "pl/slaskie/katowice", "ru", "business")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[KnownCall, Publisher]]:
    """A call from a number nobody knows, and who publishes announcements."""
    settings = desk_settings(tmp_path)
    async with opened(settings) as database:
        await Customers(database, settings)._write([JAN, OLA], None)
        live = Live(database, None, settings)
        await live.refresh()
        yield KnownCall(settings, live=live), Publisher(database, settings, maker=FakeMaker())


async def published(publisher: Publisher, call: Any, **values: Any) -> None:
    """Bring an announcement to the calls."""
    now = datetime.now(UTC)
    draft = Draft(Target(areas=(WOLA,)), {"pl": "Uwaga."}, "internet", until=now + timedelta(hours=3))
    await publisher.post(replace(draft, **values), "ops", now, confirmed=True)
    await call.parts.live.refresh()


async def test_an_account_makes_it_that_customers_call(desk: Any) -> None:
    """His class and area count from then on; the trace knows how, not which."""
    call, _ = desk
    unknown = await find_customer(call, FindCustomer("account", "9999"))
    found = await find_customer(call, FindCustomer("account", "1001"))

    assert (Found(False), Found(True), JAN) == (unknown, found, call.customer)
    assert [("identified", {"by": "account"})] == call.trace


async def test_a_postcode_tells_the_area_and_nothing_else(desk: Any) -> None:
    """Who he is stays as it was: a stranger, or the customer whose number calls."""
    call, _ = desk
    await find_customer(call, FindCustomer("postcode", "01234"))
    stranger, call.customer = call.customer, ME
    await find_customer(call, FindCustomer("postcode", "01234"))

    assert Customer("", "", "", WOLA) == stranger
    assert replace(ME, area=WOLA) == call.customer


async def test_the_number_finds_only_whom_it_belongs_to(desk: Any) -> None:
    """Nothing is looked up twice, nothing traced."""
    call, _ = desk
    before = await find_customer(call, FindCustomer("number"))
    call.customer = JAN

    assert (Found(False), Found(True)) == (before, await find_customer(call, FindCustomer("number")))
    assert [] == call.trace


async def test_announcements_are_those_of_who_was_found(desk: Any) -> None:
    """Not those of the number he calls from."""
    call, publisher = desk
    await published(publisher, call)
    before = await find_announcements(call, "")
    await find_customer(call, FindCustomer("account", "1002"))
    (found,) = await find_announcements(call, "internet")

    assert () == before
    assert found.certain
    assert found.may_end
    assert found.why == f"area {WOLA} contains the customer's area {OLA.area}"


async def test_planned_work_and_information(desk: Any) -> None:
    """Planned work is told as such; information is no state of anything, and ends no call."""
    call, publisher = desk
    await find_customer(call, FindCustomer("account", "1002"))
    await published(publisher, call, kind=INFO, service="phone")
    nothing = await find_state(call, "")
    await published(publisher, call, kind=PLANNED)
    state = await find_state(call, "")
    heard = await find_announcements(call, "")

    assert () == nothing.announcements
    assert [True] == [each.planned for each in state.announcements]
    assert [(False, False), (True, True)] == sorted((each.planned, each.may_end) for each in heard)


async def test_where_nobody_knows_where_he_lives(desk: Any) -> None:
    """That is said apart from `all is well`."""
    call, _ = desk
    before = (await find_state(call, "")).area_known
    await find_customer(call, FindCustomer("postcode", "01234"))

    assert (False, True) == (before, (await find_state(call, "")).area_known)


@pytest.mark.parametrize("command", [FindCustomer("account", "1001"), FindCustomer("postcode", "01234")])
async def test_a_second_controller_knows_whose_call_it_is(desk: Any, command: FindCustomer) -> None:
    """From the channel, where no digits stand that he entered."""
    call, _ = desk
    await find_customer(call, command)
    before, call.customer = call.customer, None
    await recall_customer(call)

    assert before == call.customer
    assert not any(command.digits in value for value in call.channel.values.values())


async def test_a_call_nobody_was_found_for_stays_as_it_is(desk: Any) -> None:
    """Taken over, it is that of the number again."""
    call, _ = desk
    call.customer = ME
    await recall_customer(call)

    assert ME == call.customer
