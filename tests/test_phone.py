"""Real phones calling each other, SIPp calling them, and the parts of a phone that need no network."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.errors import InputError, PhoneError
from ivr.phone.ear import RATE, Mouth, Timeline, tone
from ivr.phone.hear import Recogniser
from ivr.phone.keys import Pause, parse_keys
from ivr.phone.phone import Phones
from ivr.phone.robot import Robot
from tests.support import sipp
from tests.support.voices import sentence, to_ulaw


def test_keys_are_read_as_people_write_them() -> None:
    """Commas separate keys, w waits, several keys may stand together."""
    keys = parse_keys("1,w2, 3,12#,w0.5,h,")

    assert keys == ["1", Pause(2.0), "3", "1", "2", "#", Pause(0.5), "h"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("1,x", "'x' holds 'X'"), ("w", "'w' is no pause"), ("wtwo", "'wtwo' is no pause"), ("w999", "'w999'")],
)
def test_a_wrong_key_string_names_the_wrong_part(text: str, wrong: str) -> None:
    """One line that says which part and what was expected."""
    with pytest.raises(InputError, match=wrong):
        parse_keys(text)


def test_silence_keeps_its_time() -> None:
    """Audio that comes after a pause of the line stands where it was received."""
    timeline = Timeline()
    timeline.add(np.full(160, 7, np.int16), 0.02)
    timeline.add(np.full(160, 9, np.int16), 2.02)

    heard = timeline.until(3.0)

    assert len(heard) == 3 * RATE
    assert np.flatnonzero(heard == 9)[[0, -1]].tolist() == [2 * RATE, 2 * RATE + 159]


def test_a_late_burst_makes_no_silence() -> None:
    """After a stall the packets come together: they are appended, not moved apart."""
    timeline = Timeline()
    timeline.add(np.full(160, 1, np.int16), 0.02)
    timeline.add(np.full(50 * 160, 2, np.int16), 1.03)

    heard = timeline.until(1.0)

    assert np.count_nonzero(heard) == 51 * 160


def test_a_long_call_is_kept_whole() -> None:
    """The buffer grows beyond its first half minute without losing anything."""
    timeline = Timeline()
    for second in range(70):
        timeline.add(np.full(RATE, second + 1, np.int16), second + 1.0)

    heard = timeline.until(70.0)

    assert heard[::RATE].tolist() == list(range(1, 71))


def test_a_loop_is_said_for_ever_and_hushed() -> None:
    """A looped tone never runs dry; clear ends it."""
    mouth = Mouth()
    mouth.put(np.arange(100, dtype=np.int16), loop=True)
    pieces = []
    for _ in range(3):
        pieces.append(mouth.peek())
        mouth.take(len(pieces[-1]))
    mouth.clear()

    said = np.frombuffer(b"".join(pieces), np.int16)

    assert said[:100].tolist() == list(range(100))
    assert len(said) == 3 * RATE
    assert mouth.peek() == b""


def port() -> int:
    """Return a port for the phones of one test."""
    return sipp.free_port()


def stack_folders() -> set[Path]:
    """Return the temporary folders SIP stacks of this machine have now."""
    return set(Path(tempfile.gettempdir()).glob("baresip-*"))


def loudness(pcm: np.ndarray) -> float:
    return float(np.abs(pcm.astype(np.int32)).mean())


@pytest.mark.real
async def test_two_phones_talk_and_press_keys(tmp_path: Path) -> None:
    """Call with a chosen number, answer after a while, audio both ways, keys, hang-up, the file saved."""
    own = port()
    async with Phones(f"127.0.0.1:{own}", port=own) as phones:
        bob = await phones.phone("bob")
        bob.auto_answer(0.4, tone_hz=440, hang_up_after_s=2.5)
        call = await phones.call("bob", from_number="+48221234567")

        assert await call.wait_answered()
        call.say(tone(1000, 0.8))
        await call.send_keys("1,w0.2,2#")
        ending = await call.wait_ended(10)
        call.save(tmp_path / "heard.wav")
        other = bob.calls[0]

        assert other.ending
        assert (ending.by, other.ending.by) == ("far", "us")
        assert other.peer == "sip:+48221234567@127.0.0.1:" + str(own)
        assert other.keys_heard == "12#"
        assert 0.35 < (call.answered_at or 0) - call.began < 1.5
        assert call.talk_s == pytest.approx(2.5, abs=0.5)
        recogniser = Recogniser({})
        assert [h.name for h in recogniser.recognise(call.heard) if h.name != "silence"] == ["tone 440"]
        assert "tone 1000" in [h.name for h in recogniser.recognise(other.heard)]
        assert soundfile.info(tmp_path / "heard.wav").duration == pytest.approx(len(call.heard) / RATE)


@pytest.mark.real
async def test_a_prompt_played_by_one_phone_is_recognised_by_the_other(tmp_path: Path) -> None:
    """Through real RTP and G.711 the recogniser finds the very prompt, to 0.2 s."""
    for n in (3, 4):
        (tmp_path / f"{n}.ulaw").write_bytes(to_ulaw(sentence(f"you are number no{n} in the queue")))
    recogniser = Recogniser({f"position {n}": tmp_path / f"{n}.ulaw" for n in (3, 4)})
    own = port()
    async with Phones(f"127.0.0.1:{own}", port=own) as phones:
        bob = await phones.phone("bob")
        bob.auto_answer()
        call = await phones.call("bob")
        await call.wait_answered()
        prompt = sentence("you are number no4 in the queue")
        (await bob.incoming.get()).say((prompt * 32767).astype(np.int16))
        await asyncio.sleep(len(prompt) / RATE + 0.5)

        heard = recogniser.prompts(call.heard)

        assert [(h.name, h.complete) for h in heard] == [("position 4", True)]
        assert heard[0].end_s - heard[0].start_s == pytest.approx(len(prompt) / RATE, abs=0.2)


@pytest.mark.real
async def test_refusals_and_silence_are_results() -> None:
    """Busy, unknown, never answered, withheld number: each told as it is, none an exception."""
    own = port()
    async with Phones(f"127.0.0.1:{own}", port=own) as phones:
        bob = await phones.phone("bob")
        bob.auto_busy()
        busy = await phones.call("bob", from_number="")
        assert not await busy.wait_answered()
        assert busy.ending
        assert (busy.ending.by, busy.ending.status) == ("refused", 486)
        assert bob.calls[0].peer == "sip:anonymous@anonymous.invalid"

        unknown = await phones.call("nobody")
        assert not await unknown.wait_answered()
        assert unknown.ending
        assert unknown.ending.status == 404

        bob.never_answer()
        ringing = await phones.call("bob")
        assert not await ringing.wait_answered(0.3)
        await ringing.hang_up()
        assert ringing.ending
        assert ringing.ending.by == "us"


@pytest.mark.real
async def test_leaving_ends_every_call_and_thread() -> None:
    """After the context no call, thread or folder of the phones is left, and new ones can be opened."""
    before = stack_folders()
    for _ in range(2):
        own = port()
        async with Phones(f"127.0.0.1:{own}", port=own) as phones:
            bob = await phones.phone("bob")
            bob.auto_answer(tone_hz=300)
            calls = [await phones.call("bob", from_number=f"+4822000{n:04}") for n in range(8)]
            assert all([await call.wait_answered() for call in calls])
            await asyncio.sleep(0.6)
            assert all(loudness(call.heard) > 500 for call in calls)

        assert all(call.ending for call in [*calls, *bob.calls])
        assert not [t.name for t in threading.enumerate() if t.name.startswith(("phone-", "baresip"))]
        assert stack_folders() <= before


@pytest.mark.real
async def test_a_registration_nobody_takes_is_one_clear_line() -> None:
    """The error names phone and server."""
    own = port()
    async with Phones(f"127.0.0.1:{own}", port=own) as phones:
        with pytest.raises(PhoneError, match=rf"phone agent could not register at 127\.0\.0\.1:{own}: "):
            await Robot.start(phones, "agent", "secret")


@pytest.mark.real
async def test_sipp_callers_and_agents_are_counted() -> None:
    """Four callers of an answering agent: all successful, with their answer times."""
    where = port()
    async with sipp.running(sipp.answering("answer"), "-p", str(where)):
        stats = await sipp.call(f"127.0.0.1:{where}", "agent", calls=4, rate=20, talk_ms=100)

    assert (stats.created, stats.successful, stats.failed) == (4, 4, 0)
    assert 0 < stats.answer_percentile(0.5) < 500


@pytest.mark.real
async def test_a_sipp_caller_who_gives_up_frees_the_phone() -> None:
    """CANCEL while a real phone rings: it stops ringing, the caller counts as successful."""
    own = port()
    async with Phones(f"127.0.0.1:{own}", port=own) as phones:
        bob = await phones.phone("bob")
        bob.never_answer()

        stats = await sipp.call(f"127.0.0.1:{own}", "bob", scenario=sipp.abandoner(200), from_numbers=["+481"])
        ending = await bob.calls[0].wait_ended(3)

    assert stats.successful == 1
    assert (bob.calls[0].peer.split("@")[0], ending.by) == ("sip:+481", "refused")


@pytest.mark.real
@pytest.mark.parametrize(("does", "status"), [(486, 486), (404, 404), (503, 503)])
async def test_sipp_agents_refuse_as_told(does: sipp.Does, status: int) -> None:
    """A phone calling a SIPp agent gets exactly that status."""
    where = port()
    async with (
        sipp.running(sipp.answering(does), "-p", str(where)),
        Phones() as phones,
    ):
        call = await phones.call(f"sip:agent@127.0.0.1:{where}")

        assert not await call.wait_answered()
        assert call.ending
        assert call.ending.status == status


@pytest.mark.parametrize("gap_s", [0.5, 29.9, 45.0])
def test_a_gap_at_any_time_is_silence_of_its_length(gap_s: float) -> None:
    """Audio after a stall stands where it was heard, also when the gap ends beyond what was kept room for."""
    axis = Timeline()
    axis.add(np.full(RATE, 7, np.int16), 1.0)
    axis.add(np.full(RATE, 9, np.int16), 2.0 + gap_s)

    heard = axis.until(2.0 + gap_s)
    assert len(heard) == int((2.0 + gap_s) * RATE)
    assert (heard[0], heard[RATE + 10], heard[-1]) == (7, 0, 9)
