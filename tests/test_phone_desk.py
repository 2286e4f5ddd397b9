"""Announcements by phone: who may, what is heard, what is published, ended and audited; a scripted phone."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ivr.access import AGENT, OPS
from ivr.announce.model import DRAFT, ENDED, LIVE, OFFER, PHONE, Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Customer
from ivr.desk.audit import Audit
from ivr.desk.customers import Customers
from ivr.desk.users import PIN_TRIES, Users
from ivr.errors import CallerHungUp
from ivr.phone_desk import PhoneDesk
from ivr.sound import Phrase, Prompt
from tests.support.desk import FakeClip, FakeMaker, desk_settings, opened

WOLA = "pl/mazowieckie/warszawa/wola"
DRAFTED = Draft(Target(areas=(WOLA,)), {"pl": "Awaria na Woli.", "en": "Fault in Wola."})


class Voice(FakeMaker):
    """Speaks raw sound as well, for what is joined with a recording."""

    async def __call__(self, text: str, language: str, folder: Path) -> FakeClip:
        clip = await super().__call__(text, language, folder)
        clip.stem.with_suffix(".sln").write_bytes(b"\0\0" * 800)
        return clip


class ScriptedPhone:
    """Presses the keys of a script, each as soon as it would do something; hangs up when there are none left.

    heard  names of what was played, in order.  recorded  what he says when he is to speak, seconds of a tone each.
    """

    def __init__(self, keys: str, recorded: Sequence[float] = ()) -> None:
        self.keys, self.recorded = list(keys), list(recorded)
        self.headers = {"agi_arg_1": "ag-anna-1"}
        self.heard: list[str] = []
        self.hung_up = False

    async def answer(self) -> None: ...

    async def set_autohangup(self, seconds: int) -> None:
        assert 0 < seconds <= 100

    async def stream_file(self, stem: str, escape: str, *, timeout_s: float | None) -> str:
        self.heard.append(Path(stem).name)
        return self.keys.pop(0) if self.keys and self.keys[0] in escape else ""

    async def wait_for_digit(self, timeout_ms: int) -> str:
        if not self.keys:
            raise CallerHungUp("he left")
        return self.keys.pop(0).replace("-", "")  # a dash is silence

    async def record_file(self, stem: str, *, most_s: int, silence_s: int, finish: str) -> str:
        seconds = self.recorded.pop(0)
        with wave.open(f"{stem}.wav", "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            tone = np.sin(np.arange(int(seconds * 8000)) * 0.4) * (1 + np.sin(np.arange(int(seconds * 8000)) / 900)) / 2
            out.writeframes((tone * 12000).astype("<i2").tobytes())
        return "#"

    async def hangup(self) -> None:
        self.hung_up = True


class Prompts:
    """Prompts whose file is their key."""

    def files(self, phrase: Phrase, language: str) -> list[str]:
        return [phrase.key if isinstance(phrase, Prompt) else "digits"]

    def seconds(self, stem: str) -> float:
        return 1.0


@dataclass
class Office:
    """A desk, its users, and the pins they were given."""

    publisher: Publisher
    desk: PhoneDesk
    pins: dict[str, str] = field(default_factory=dict)

    async def call(self, keys: str, recorded: Sequence[float] = (), *, user: str = "olga") -> ScriptedPhone:
        """Dial *20 as somebody who enters id and PIN, then `keys`."""
        number = {"olga": "17", "adam": "18"}[user].zfill(3)
        return await self.dial(f"{number}#{self.pins[user]}{keys}", recorded)

    async def dial(self, keys: str, recorded: Sequence[float] = ()) -> ScriptedPhone:
        phone = ScriptedPhone(keys, recorded)
        await self.desk.handle(phone)  # type: ignore[arg-type]
        return phone

    async def audited(self) -> list[tuple[str, str]]:
        return [(each.who, each.what) for each in await Audit(self.publisher.database).list()]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    settings = desk_settings(tmp_path, confirm_share=0.5)
    async with opened(settings) as database:
        areas = (f"{WOLA}/node-17", *["pl/mazowieckie/warszawa/ochota"] * 3)
        people = [Customer(f"+4822100000{n}", f"A{n}", "Jan", area) for n, area in enumerate(areas)]
        await Customers(database, settings)._write(people, None)
        publisher = Publisher(database, settings, maker=Voice())
        parts: Any = SimpleNamespace(
            settings=settings, prompts=Prompts(), dialplans=SimpleNamespace(numbers={"100": "", "200": ""})
        )
        office = Office(publisher, PhoneDesk(publisher, parts))
        users = Users(database)
        for name, role, number in (("olga", OPS, "017"), ("adam", AGENT, "018")):
            await users.add(name, [role])
            office.pins[name] = await users.set_phone(name, number)
        yield office


async def test_a_draft_is_heard_and_published(office: Office) -> None:
    """2, its id and text are said; 1 publishes it; audited with who and where."""
    await office.publisher.draft(DRAFTED, "radar", datetime.now(UTC) - timedelta(minutes=5))
    phone = await office.call("2-1*")
    (live,) = await office.publisher.store.live(datetime.now(UTC))
    said = [text for _, text in office.publisher.maker.said]  # type: ignore[union-attr]

    assert (LIVE, "olga") == (live.state, live.author)
    assert any(f"Szkic {', '.join(live.announcement_id.upper())}, 5 min temu." == text for text in said)
    assert ["ops_user", "agent_enter_pin", "ops_menu"] == phone.heard[:3]
    assert "ops_published" in phone.heard
    assert [("olga", "announcement.publish")] == await office.audited()


async def test_the_next_draft_can_be_chosen(office: Office) -> None:
    """2 says it again, 3 the next one; the newest comes first."""
    now = datetime.now(UTC)
    for minutes, area in ((9, "pl/older"), (5, WOLA)):
        draft = Draft(Target(areas=(area,)), {"pl": "Awaria."})
        await office.publisher.draft(draft, "ops", now - timedelta(minutes=minutes))
    await office.call("2-2-3-1*")
    (live,) = await office.publisher.store.live(datetime.now(UTC))

    assert ("pl/older",) == live.target.areas


async def test_star_or_silence_or_hanging_up_publishes_nothing(office: Office) -> None:
    """At every place."""
    await office.publisher.draft(DRAFTED, "ops", datetime.now(UTC))
    for keys in ("", "2", "2*", "2-*", "2---", "2-3", "*"):
        await office.call(keys)

    assert () == await office.publisher.store.live(datetime.now(UTC))
    assert DRAFT == (await office.publisher.store.newest())[0].state


async def test_a_live_one_is_ended(office: Office) -> None:
    """3, it is heard, 1."""
    await office.publisher.post(DRAFTED, "ops", datetime.now(UTC))
    phone = await office.call("3-1*")

    assert "ops_ended" in phone.heard
    assert ENDED == (await office.publisher.store.newest(ended=True))[0].state
    assert [("olga", "announcement.end")] == await office.audited()


async def test_without_any_that_is_said(office: Office) -> None:
    """No drafts, nothing live."""
    phone = await office.call("23*")

    assert 2 == phone.heard.count("ops_none")


async def test_a_recording_becomes_the_announcement(office: Office) -> None:
    """Spoken, kept, for callers of one number; his words are what is played, and calls do not end after it."""
    phone = await office.call("1#12200#1*", [3.0])
    (live,) = await office.publisher.store.live(datetime.now(UTC))

    assert (Target(dnis="200"), PHONE, OFFER) == (live.target, live.source, live.after)
    assert ["pl"] == list(live.recordings)
    assert "recording" in next(iter(live.clips["pl"].values())).voice
    assert phone.heard.index("beep") < phone.heard.index("ops_target") < phone.heard.index("ops_published")


async def test_a_recording_is_made_again_until_it_is_kept(office: Office) -> None:
    """Too short a one is refused, then 3 records again, 2 plays it again, 1 keeps it."""
    phone = await office.call("1#" + "#-3" + "#-2-1" + "2200#1*", [0.1, 3.0, 4.0])
    (live,) = await office.publisher.store.live(datetime.now(UTC))

    assert 1 == phone.heard.count("ops_not_usable")
    assert 3 == phone.heard.count("beep")
    assert 3.5 < max(clip.seconds for clip in live.clips["pl"].values())


async def test_an_unknown_number_is_asked_again(office: Office) -> None:
    """Only numbers of the dialplans exist."""
    phone = await office.call("1#12999#200#1*", [3.0])
    (live,) = await office.publisher.store.live(datetime.now(UTC))

    assert 1 == phone.heard.count("ops_no_number")
    assert "200" == live.target.dnis


async def test_what_concerns_many_is_asked_twice(office: Office) -> None:
    """Three quarters of the customers: without the second 1 nothing is published."""
    many = Draft(Target(areas=("pl/mazowieckie",)), {"pl": "Awaria."})
    await office.publisher.draft(many, "ops", datetime.now(UTC))
    once = await office.call("2-1*")
    nobody = await office.publisher.store.live(datetime.now(UTC))
    twice = await office.call("2-11*")

    assert "ops_many" in once.heard
    assert "ops_published" not in once.heard
    assert () == nobody
    assert "ops_published" in twice.heard


async def test_three_wrong_pins_end_the_call(office: Office) -> None:
    """Each is audited with the phone it came from."""
    phone = await office.dial("017#000000" * 3)

    assert 3 == phone.heard.count("ops_wrong")
    assert phone.hung_up
    assert "ops_menu" not in phone.heard
    assert [("phone ag-anna-1", "phone.refused")] * 3 == await office.audited()


async def test_five_wrong_pins_lock(office: Office) -> None:
    """Then the right one does not open either."""
    for _ in range(PIN_TRIES):
        await office.dial("017#000000")
    phone = await office.call("*")

    assert "ops_menu" not in phone.heard


async def test_without_the_right_nothing_is_offered(office: Office) -> None:
    """An agent's PIN is right, his role is not."""
    phone = await office.call("*", user="adam")

    assert "ops_not_allowed" in phone.heard
    assert "ops_menu" not in phone.heard
    assert [("adam", "phone.refused")] == await office.audited()


async def test_a_voice_that_fails_is_told(office: Office) -> None:
    """Nothing goes live; he hears that it did not succeed."""
    await office.publisher.draft(DRAFTED, "ops", datetime.now(UTC))
    office.publisher.maker.fails = 1  # type: ignore[union-attr]
    phone = await office.call("2-1*")

    assert "agent_failed" in phone.heard
    assert () == await office.publisher.store.live(datetime.now(UTC))
