"""What callers hear when nothing but Asterisk is alive: dialplans/asterisk/ladder.conf."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.asterisk.conftest import SOUNDS
from tests.support.ami import manager
from tests.support.asterisk import RealAsterisk, real_asterisk
from tests.support.sip import SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real


def heard(phone: SipPhone, sound: str) -> bool:
    """Whether a tenth of a second of the file reached the phone, bit by bit."""
    return bytes([SOUNDS[sound]]) * 800 in phone.heard


async def set_news(pbx: RealAsterisk, number: str, value: str) -> None:
    """Write last-known-good announcements as a controller does."""
    async with manager(pbx) as ami:
        assert "Success" in await ami.action("Setvar", Variable=f"HOTLINE_LKG_{number}", Value=value)


async def test_trouble_then_goodbye_when_nobody_is_there(caller: SipPhone) -> None:
    """No controller, no announcement, no emergency phone: prompt, goodbye, hang-up."""
    leg = caller.call("100")
    await asyncio.wait_for(leg.ended.wait(), 8)

    assert heard(caller, "trouble")
    assert heard(caller, "goodbye")
    assert caller.heard.index(bytes([SOUNDS["trouble"]]) * 800) < caller.heard.index(bytes([SOUNDS["goodbye"]]) * 800)


@pytest.mark.parametrize("number", ["100", "all"])
async def test_valid_announcement_replaces_the_trouble_prompt(
    pbx: RealAsterisk, caller: SipPhone, sounds: Path, number: str,
) -> None:
    """Last-known-good announcements of the number, or of all numbers, are played while they are valid."""
    await set_news(pbx, number, f"{int(time.time()) + 60}|{sounds / 'news'}&{sounds / 'news'}")
    leg = caller.call("100")
    await asyncio.wait_for(leg.ended.wait(), 8)
    await set_news(pbx, number, "0|")

    assert heard(caller, "news")
    assert not heard(caller, "trouble")


@pytest.mark.parametrize("value", ["{past}|{news}", "0|", "", "|{news}", "soon|{news}", "{future}|/nowhere/at/all"])
async def test_expired_or_broken_announcement_is_not_played(
    pbx: RealAsterisk, caller: SipPhone, sounds: Path, value: str,
) -> None:
    """Past its expiry, or not as the controller writes it: the trouble prompt instead."""
    now = int(time.time())
    await set_news(pbx, "100", value.format(past=now - 1, future=now + 60, news=sounds / "news"))
    caller.call("100")
    await until(lambda: heard(caller, "trouble"))
    await set_news(pbx, "100", "0|")

    assert not heard(caller, "news")


async def test_announcement_of_another_number_is_not_played(
    pbx: RealAsterisk, caller: SipPhone, sounds: Path,
) -> None:
    """Announcements are kept by number, a number with + included."""
    await set_news(pbx, "+48221000", f"{int(time.time()) + 60}|{sounds / 'news'}")
    leg = caller.call("100")
    await until(lambda: heard(caller, "trouble"))
    leg.hang_up()
    assert not heard(caller, "news")
    caller.call("+48221000")
    await until(lambda: heard(caller, "news"))
    await set_news(pbx, "+48221000", "0|")


async def test_announcement_survives_a_dialplan_reload(pbx: RealAsterisk, caller: SipPhone, sounds: Path) -> None:
    """An engineer's reload does not forget what controllers wrote."""
    await set_news(pbx, "100", f"{int(time.time()) + 60}|{sounds / 'news'}")
    pbx.console("dialplan reload")
    caller.call("100")
    await until(lambda: heard(caller, "news"))
    await set_news(pbx, "100", "0|")


async def test_emergency_phone_is_rung_and_connected(caller: SipPhone, bob: SipPhone) -> None:
    """After the prompt the emergency list rings; no lease cuts the talk."""
    leg = caller.call("100")
    ringing = await asyncio.wait_for(bob.offered.get(), 5)
    ringing.answer()
    await asyncio.sleep(3.5)  # longer than every lease of this server

    assert heard(caller, "trouble")
    assert not leg.ended.is_set()
    assert not ringing.ended.is_set()


async def test_emergency_phone_that_refuses_leads_to_goodbye(caller: SipPhone, bob: SipPhone) -> None:
    """Nobody takes it: the caller is told goodbye, not left alone."""
    leg = caller.call("100")
    (await asyncio.wait_for(bob.offered.get(), 5)).refuse("486 Busy Here")
    await asyncio.wait_for(leg.ended.wait(), 8)

    assert heard(caller, "goodbye")


async def test_missing_prompts_are_a_tone_never_silence(tmp_path: Path) -> None:
    """Prompt files gone: special information tone, then the call ends."""
    async with (
        real_asterisk(tmp_path, fallback_prompt=str(tmp_path / "gone"), goodbye_prompt="") as pbx,
        sip_phone(("127.0.0.1", pbx.settings.sip_port)) as phone,
    ):
        phone.call("100")
        await until(lambda: len(set(phone.heard)) > 50, what="a tone")
