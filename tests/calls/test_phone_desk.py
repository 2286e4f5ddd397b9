"""*20 with a real phone: a draft is chosen, heard and published; then a caller hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.access import OPS
from ivr.announce.model import Target, Version
from ivr.announce.publish import Draft, Publisher
from ivr.db import Database
from ivr.desk.audit import Audit
from ivr.desk.users import Users
from ivr.phone.phone import PhoneCall, Phones
from tests.calls.conftest import DISTRICT, INSIDE, AgentLogin, agent_phone, last_call, recogniser
from tests.support.hotline import Hotline

PATIENCE_S = 45.0


@pytest.fixture
async def publisher(hotline: Hotline) -> AsyncIterator[Publisher]:
    """Nothing of what a test announces stays."""
    database = Database(hotline.settings)
    publisher = Publisher(database, hotline.settings)
    yield publisher
    for each in await publisher.store.newest():
        await publisher.end(each.announcement_id, "test", datetime.now(UTC))
    await database.close()


def names(hotline: Hotline, call: PhoneCall, *live: Version) -> list[str]:
    """Return what a phone heard: prompts, and the announcement in Polish as `announced`."""
    clips = {clip.file for each in live for clip in each.clips.get("pl", {}).values()}
    extra = [(f"announced/{n}", Path(f"{stem}.ulaw")) for n, stem in enumerate(sorted(clips))]
    heard = recogniser(hotline.settings.var_dir, *extra).recognise(call.heard)
    return ["announced" if each.name.startswith("announced/") else each.name for each in heard if each.known]


async def until_heard(hotline: Hotline, call: PhoneCall, name: str) -> None:
    """Wait until a prompt has been played to its end."""
    ends = asyncio.get_running_loop().time() + PATIENCE_S
    while name not in (known := await asyncio.to_thread(names, hotline, call)):
        assert call.up, f"the call ended before {name}: {known}"
        assert asyncio.get_running_loop().time() < ends, f"no {name} within {PATIENCE_S:g} s: {known}"
        await asyncio.sleep(0.5)


@pytest.mark.timeout(240)
async def test_a_draft_published_by_phone_is_heard_by_the_next_caller(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin], publisher: Publisher
) -> None:
    """Number, PIN, 2, the draft's text, 1 and, since it is for most customers, 1 once more."""
    users = Users(publisher.database)
    await users.add("olga", [OPS])
    pin = await users.set_phone("olga", "017")
    draft = Draft(Target(areas=(DISTRICT,)), {"pl": "Trwa awaria internetu na Woli. Pracujemy nad jej usunięciem."})
    held = (await publisher.draft(draft, "radar", datetime.now(UTC))).version
    desk = await (await agent_phone(phones, logins["anna"])).call("*20")
    assert await desk.wait_answered()
    await desk.send_keys(f"w1.5,017#,w1.5,{pin},w2,2")
    await until_heard(hotline, desk, "pl/ops_draft_keys")
    await desk.send_keys("1,w3,1")
    await until_heard(hotline, desk, "pl/ops_published")
    await desk.send_keys("*")
    await desk.wait_ended(PATIENCE_S)
    (live,) = await publisher.store.live(datetime.now(UTC))
    caller = await phones.call("100", from_number=INSIDE)
    await caller.wait_ended(60)
    record = await last_call(hotline, INSIDE)
    audited = await Audit(publisher.database).list(what="announcement.publish")

    assert (held.announcement_id, "olga") == (live.announcement_id, live.author)
    assert "announced" in names(hotline, desk, live)
    assert "announced" in names(hotline, caller, live)
    assert (f"{live.announcement_id} v{live.version}",) == record.announcements
    assert ["olga"] == [each.who for each in audited if each.subject == live.announcement_id]
