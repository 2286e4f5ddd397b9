"""Restorations with real phones: who asked is called, hears that it works again, and says whether it does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.announce.model import REOPENED, Version
from ivr.announce.store import Announcements
from ivr.db import Database
from ivr.desk.callbacks import now_utc
from ivr.desk.opt_ins import DONE, OptIn, OptIns
from ivr.phone.phone import Phone, PhoneCall, Phones
from tests.calls.conftest import UNKNOWN, heard_names, last_call, wait_until
from tests.support.faults import number_of
from tests.support.hotline import Hotline
from tests.support.outage import post
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(300)  # most of it is listening: prompts are heard to their end

AREA = "pl/mazowieckie/warszawa/wola/node-17"
PAUSE_S, RING_S = 2, 6
KEYS_AT = "pl/restored_keys"


@pytest.fixture(scope="module")
def way_out() -> int:
    """The port our phones listen on: where Asterisk's trunk leads."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory, way_out: int) -> Iterator[Hotline]:
    """A hotline with a way out, that calls at any hour and tries again after two seconds."""
    running = Hotline(
        tmp_path_factory.mktemp("restoration", numbered=False),
        trunk_to=f"127.0.0.1:{way_out}",
        trunk_number="+48221000000",
        callback_pause_s=PAUSE_S,
        callback_ring_s=RING_S,
        restored_hours="00:00-24:00",
    )
    try:
        running.start()
        running.cli("agent", "add", "anna", "--skill", "internet:5", "--pin", "4711")  # `healthy` signs them out
        running.cli("agent", "add", "boris", "--skill", "internet:5", "--pin", "4712")
        yield running
    finally:
        running.stop()


@pytest.fixture
async def phones(hotline: Hotline, way_out: int) -> AsyncIterator[Phones]:
    """Real SIP phones where the trunk leads."""
    async with Phones(hotline.server, port=way_out) as opened:
        yield opened


@pytest.fixture
async def opt_ins(hotline: Hotline) -> AsyncIterator[OptIns]:
    database = Database(hotline.settings)
    yield OptIns(database)
    await database.close()


@pytest.fixture
def outage(hotline: Hotline) -> Iterator[str]:
    """The id of an announcement that is live."""
    announcement_id = post(hotline, area=AREA).id
    yield announcement_id
    hotline.cli("announce", "end", announcement_id, check=False)


async def test_he_says_that_it_works(hotline: Hotline, phones: Phones, opt_ins: OptIns, outage: str) -> None:
    """The announcement is restored; his phone rings, he presses 1, hears thanks; that is all."""
    caller = await phones.phone(UNKNOWN)
    caller.auto_answer(0.2)
    await wish(opt_ins, outage)
    early = caller.incoming.qsize()
    await asyncio.to_thread(hotline.cli, "announce", "restore", outage)
    ringing = await rings(caller)
    await hears(hotline, ringing, KEYS_AT)
    await ringing.send_keys("1")
    await ringing.wait_ended(20)
    (told,) = await over(opt_ins, outage)
    record = await last_call(hotline, UNKNOWN)
    story = hotline.cli("call", "show", told.opt_in_id).stdout
    shown = hotline.cli("restoration", "show", outage).stdout

    assert early == 0
    assert number_of(ringing) == "+48221000000"
    assert ["pl/restored_hello", KEYS_AT, "pl/restored_thanks"] == heard_names(hotline, ringing.heard)
    assert (told.outcome, told.attempts) == ("works", 1)
    assert (record.call_id, record.disposition) == (told.opt_in_id, "completed")
    assert "says that it works" in story
    assert "works 1" in shown
    assert UNKNOWN not in shown
    assert UNKNOWN in hotline.cli("restoration", "show", outage, "--reveal").stdout


async def test_three_say_that_it_is_still_out(hotline: Hotline, phones: Phones, opt_ins: OptIns, outage: str) -> None:
    """A draft for their area waits, and they will be told about that one as well; one of them presses 0."""
    numbers = [f"+4860199901{n}" for n in range(3)]
    callers = [await phones.phone(number) for number in numbers]
    for number, caller in zip(numbers, callers, strict=True):
        caller.auto_answer(0.2)
        await wish(opt_ins, outage, number)
    await asyncio.to_thread(hotline.cli, "announce", "restore", outage)
    calls = await asyncio.gather(*(rings(caller) for caller in callers))
    await asyncio.gather(*(hears(hotline, call, KEYS_AT) for call in calls))
    for call in calls:
        await call.send_keys("2")
    await hears(hotline, calls[0], "pl/restored_agent_key")
    await calls[0].send_keys("0")
    await hears(hotline, calls[0], "pl/welcome")
    await calls[0].hang_up()
    await asyncio.gather(*(call.wait_ended(20) for call in calls))
    told = await over(opt_ins, outage)
    draft = await reopened(hotline)

    async def told_again() -> bool:
        return len(await opt_ins.of(draft.announcement_id)) == 3

    await wait_until(told_again, "their wishes for the next restoration")
    again = await opt_ins.of(draft.announcement_id)

    assert [each.outcome for each in told] == ["still_out"] * 3
    assert (draft.target.areas, draft.state, draft.service) == ((AREA,), "draft", "internet")
    assert draft.note.startswith(f"3 of 3 say it is still out in {AREA}")
    assert sorted(each.number for each in again) == numbers
    assert "still out after a restoration" in (hotline.folder / "controller.log").read_text()


async def test_busy_silent_and_gone(hotline: Hotline, phones: Phones, opt_ins: OptIns, outage: str) -> None:
    """Busy: again, three times in all. An answering machine: asked twice, not called again. Who hangs up neither."""
    busy, machine, gone = [await phones.phone(f"+4860199902{n}") for n in range(3)]
    busy.auto_busy()
    machine.auto_answer(0.1)
    gone.auto_answer(0.1, hang_up_after_s=1)
    for phone in (busy, machine, gone):
        await wish(opt_ins, outage, phone.user)
    await asyncio.to_thread(hotline.cli, "announce", "restore", outage)
    told = await over(opt_ins, outage, timeout_s=90)
    talked = machine.incoming.get_nowait()

    assert {each.number: (each.outcome, each.attempts) for each in told} == {
        busy.user: ("busy", 3), machine.user: ("no_key", 1), gone.user: ("declined", 1),
    }  # fmt: skip
    assert busy.incoming.qsize() == 3
    assert (machine.incoming.qsize(), gone.incoming.qsize()) == (0, 1)
    assert heard_names(hotline, talked.heard).count(KEYS_AT) == 2


async def test_controller_killed_while_he_is_asked(
    hotline: Hotline, phones: Phones, opt_ins: OptIns, outage: str
) -> None:
    """He hears music until the next controller has him, is asked, and answers; nobody calls him again."""
    caller = await phones.phone(UNKNOWN)
    caller.auto_answer(0.1)
    await wish(opt_ins, outage)
    await asyncio.to_thread(hotline.cli, "announce", "restore", outage)
    ringing = await rings(caller)
    await hears(hotline, ringing, "pl/restored_hello")
    await restart(hotline)
    already = len(ringing.heard)

    async def asked_again() -> bool:
        return KEYS_AT in await asyncio.to_thread(heard_names, hotline, ringing.heard[already:])

    await wait_until(asked_again, "the question again", 30)
    await ringing.send_keys("1")
    await ringing.wait_ended(20)
    (told,) = await over(opt_ins, outage)

    assert (told.outcome, told.attempts) == ("works", 1)
    assert caller.incoming.qsize() == 0


async def test_controller_killed_after_he_answered(
    hotline: Hotline, phones: Phones, opt_ins: OptIns, outage: str
) -> None:
    """He is thanked by the next one, and not asked again; what he said is kept."""
    caller = await phones.phone(UNKNOWN)
    caller.auto_answer(0.1)
    await wish(opt_ins, outage)
    await asyncio.to_thread(hotline.cli, "announce", "restore", outage)
    ringing = await rings(caller)
    await hears(hotline, ringing, KEYS_AT)
    await ringing.send_keys("2")
    await wait_until(lambda: said(opt_ins, outage), "his answer kept", 5)
    await restart(hotline)
    already = len(ringing.heard)
    await ringing.wait_ended(40)
    (told,) = await over(opt_ins, outage)

    assert (told.outcome, told.attempts) == ("still_out", 1)
    assert KEYS_AT not in heard_names(hotline, ringing.heard[already:])
    assert "pl/restored_noted" in heard_names(hotline, ringing.heard[already:])
    assert caller.incoming.qsize() == 0


# -- the story's steps


async def wish(opt_ins: OptIns, announcement: str, number: str = UNKNOWN) -> OptIn:
    return await opt_ins.add(
        announcement, number, account="", area=AREA, language="pl", dnis="100", call_id="1.1", now=now_utc()
    )


async def said(opt_ins: OptIns, announcement: str) -> bool:
    return any(each.outcome == "still_out" for each in await opt_ins.of(announcement))


async def over(opt_ins: OptIns, announcement: str, *, timeout_s: float = 20) -> tuple[OptIn, ...]:
    """Wait until everybody was told, or given up."""

    async def is_over() -> bool:
        return all(each.state == DONE for each in await opt_ins.of(announcement))

    await wait_until(is_over, "the campaign's end", timeout_s)
    return await opt_ins.of(announcement)


async def reopened(hotline: Hotline, timeout_s: float = 10) -> Version:
    """Return what was drafted because it is still out."""
    database = Database(hotline.settings)
    store = Announcements(database, hotline.settings.var_dir)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = [each for each in await store.newest() if each.source == REOPENED]
                if found:
                    return found[0]
                await asyncio.sleep(0.1)
    finally:
        await database.close()


async def rings(phone: Phone, timeout_s: float = 15) -> PhoneCall:
    """Wait until a phone rings."""
    return await asyncio.wait_for(phone.incoming.get(), timeout_s)


async def hears(hotline: Hotline, call: PhoneCall, prompt: str, timeout_s: float = 30) -> None:
    """Wait until a phone has heard a prompt."""

    async def heard_it() -> bool:
        return prompt in await asyncio.to_thread(heard_names, hotline, call.heard)

    await wait_until(heard_it, prompt, timeout_s)


async def restart(hotline: Hotline) -> None:
    """Kill the controller and start another."""
    await asyncio.to_thread(hotline.kill, "controller")
    await asyncio.to_thread(hotline.start_controller)
