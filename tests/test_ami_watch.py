"""ivr.ami.watch: what AMI tells, sorted by call; mostly on what a real Asterisk told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.ami import protocol
from ivr.ami.client import AmiClient
from ivr.ami.protocol import Event
from ivr.ami.watch import MAX_KEYS, MAX_LEGS, CallWatch, Watch
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, fastagi, until


def event(name: str, **fields: str) -> Event:
    return Event((("Event", name), *fields.items()))


def told(recording: str) -> list[Event]:
    """Return the events of a recording."""
    return [e for e in protocol.Parser().feed(recordings.received(recording)) if isinstance(e, Event)]


def caller_of(events: Iterable[Event]) -> str:
    """Return the call id of the recorded caller: the first channel made."""
    return next(e["Uniqueid"] for e in events if e.name == "Newchannel")


def watched(recording: str, *, until_event: str = "") -> CallWatch:
    """Follow the recorded caller through a recording, or up to the first `until_event` of the agent's dial."""
    events, watch = told(recording), Watch()
    with watch.follow(caller_of(events)) as call:
        for e in events:
            watch.feed(e)
            if until_event and e.name == until_event and "Uniqueid" in e:
                break
    return call


def flags(call: CallWatch) -> dict[str, bool]:
    names = ("ringing", "answered", "dial_ended", "bridged", "agent_hung_up", "hung_up")
    return {name: getattr(call, name).is_set() for name in names}


def test_hears_keys() -> None:
    """Each key once, in order, when it is released."""
    call = watched("ami-keys")

    assert call.drain_keys() == "12#"
    assert call.keys.empty()


@pytest.mark.parametrize(
    ("recording", "status", "answered", "cause"),
    [
        ("ami-answered", "ANSWER", True, 16),
        ("ami-busy", "BUSY", False, 17),
        ("ami-noanswer", "NOANSWER", False, 0),
        ("ami-abandoned", "CANCEL", False, 16),
    ],
)
def test_follows_the_agents_leg(recording: str, status: str, answered: bool, cause: int) -> None:
    """Every way a dial can end is told by the leg's status, its cause, and the flags."""
    call = watched(recording)
    expected = dict.fromkeys(("ringing", "dial_ended", "agent_hung_up", "hung_up"), True)

    assert expected | {"answered": answered, "bridged": answered} == flags(call)
    assert call.leg is not None
    assert (status, cause, True) == (call.dial_status, call.leg.cause, call.leg.ended)
    assert call.answered_by == (call.leg.channel if answered else "")


def test_the_callers_own_origination_is_no_answer() -> None:
    """An originate dials and answers the caller himself: no agent has answered then."""
    call = watched("ami-answered", until_event="DialBegin")

    assert {k: flags(call)[k] for k in ("ringing", "answered")} == {"ringing": True, "answered": False}
    assert call.leg is not None
    assert call.leg.channel.startswith("Local/yes@agent-")
    assert call.leg.endpoint == "yes@agent"


def test_caller_hung_up_with_cause() -> None:
    call = watched("ami-hangup")

    assert (call.hung_up.is_set(), call.cause) == (True, 16)
    assert not call.ringing.is_set()


@pytest.mark.parametrize(
    "fields",
    [
        {"Uniqueid": "1.1", "Direction": "Sent", "Digit": "5"},
        {"Uniqueid": "1.2", "Direction": "Received", "Digit": "5"},
        {"Uniqueid": "1.1", "Direction": "Received", "Digit": "55"},
        {"Uniqueid": "1.1", "Direction": "Received", "Digit": "x"},
        {"Uniqueid": "1.1", "Direction": "Received"},
        {"Direction": "Received", "Digit": "5"},
    ],
)
def test_ignores_other_keys(fields: dict[str, str]) -> None:
    """What we play, what others press, and what is no key."""
    watch = Watch()
    with watch.follow("1.1") as call:
        watch.feed(event("DTMFEnd", **fields))

    assert call.keys.empty()


def test_key_flood_keeps_the_latest() -> None:
    """Unread keys are bounded; the oldest go first."""
    watch = Watch()
    with watch.follow("1.1") as call:
        for n in range(1000):
            watch.feed(event("DTMFEnd", Uniqueid="1.1", Direction="Received", Digit=str(n % 10)))

    assert call.keys.qsize() == MAX_KEYS
    assert call.drain_keys().endswith("789")


def dial(leg: str, status: str = "", caller: str = "1.1") -> Event:
    fields = {"Uniqueid": caller, "Linkedid": "1.1", "DestUniqueid": leg, "DestChannel": f"PJSIP/a-b-{leg}"}
    return event("DialEnd", **fields, DialStatus=status) if status else event("DialBegin", **fields)


def test_a_second_dial_starts_afresh() -> None:
    """After ring no answer the next agent's flags are his own; the first leg's late end does not count."""
    watch = Watch()
    with watch.follow("1.1") as call:
        for e in (dial("2"), dial("2", "NOANSWER"), dial("3"), event("Hangup", Uniqueid="2", Cause="0")):
            watch.feed(e)

        assert (call.dial_status, call.dial_ended.is_set(), call.agent_hung_up.is_set()) == ("", False, False)
        watch.feed(dial("3", "ANSWER"))
        assert call.answered_by == "PJSIP/a-b-3"
        assert call.leg is not None
        assert call.leg.endpoint == "a-b"


def test_a_leg_dialled_through_a_linked_channel_belongs_to_the_call() -> None:
    """An agent reached over a Local channel is found by Linkedid."""
    watch = Watch()
    with watch.follow("1.1") as call:
        for e in (dial("2"), dial("4", caller="3"), dial("4", "ANSWER", caller="3")):
            watch.feed(e)

        assert {"2", "4"} == set(call.legs)
        assert call.answered.is_set()


def test_legs_are_bounded_and_forgotten() -> None:
    """A call that dials for ever keeps a fixed number of legs; after the call nothing is kept."""
    watch = Watch()
    with watch.follow("1.1") as call:
        for n in range(MAX_LEGS * 2):
            watch.feed(dial(str(n + 2)))

        assert MAX_LEGS == len(call.legs) == len(watch._legs)
    assert (watch._legs, watch._calls, watch.followed()) == ({}, {}, ())


def test_a_call_is_followed_once() -> None:
    watch = Watch()
    with watch.follow("1.1"), pytest.raises(ValueError, match="already followed"), watch.follow("1.1"):
        pass

    assert watch.followed() == ()


def test_bridged_needs_caller_and_agent_in_one_bridge() -> None:
    """The caller alone in a bridge, or with somebody unknown, talks to nobody."""
    watch = Watch()

    def enter(unique_id: str, bridge: str) -> None:
        watch.feed(event("BridgeEnter", Uniqueid=unique_id, BridgeUniqueid=bridge))

    with watch.follow("1.1") as call:
        watch.feed(dial("2"))
        enter("1.1", "b1")
        enter("9.9", "b1")
        enter("2", "b2")
        assert not call.bridged.is_set()
        watch.feed(event("BridgeLeave", Uniqueid="1.1"))
        enter("1.1", "b2")
        assert call.bridged.is_set()


def test_resync_finds_missed_hang_ups() -> None:
    """Calls and legs no longer listed have hung up; calls followed since the list was asked for are spared."""
    watch = Watch()
    with watch.follow("1.1") as gone, watch.follow("1.2") as there:
        for leg in ("2", "3"):
            watch.feed(event("DialBegin", Uniqueid="1.2", Linkedid="1.2", DestUniqueid=leg, DestChannel="x"))
        mark = watch.mark()
        with watch.follow("1.3") as new:
            watch.resync([event("Status", Uniqueid="1.2", BridgeID=""), event("Status", Uniqueid="2")], mark)

            assert [c.hung_up.is_set() for c in (gone, there, new)] == [True, False, False]
            assert (gone.cause, there.agent_hung_up.is_set()) == (None, True)
            watch.resync([])
            assert new.hung_up.is_set()


def test_resync_finds_a_missed_answer() -> None:
    """Caller and agent listed in one bridge are talking."""
    watch = Watch()
    with watch.follow("1.1") as call:
        watch.feed(dial("2"))
        watch.resync([event("CoreShowChannel", Uniqueid=u, BridgeId="b") for u in ("1.1", "2")])

        assert {k: flags(call)[k] for k in ("answered", "bridged")} == {"answered": True, "bridged": True}
        assert call.answered_by == "PJSIP/a-b-2"


async def test_catches_up_after_a_lost_link() -> None:
    """A hang-up while the link was down is found when it is back."""
    watch = Watch()
    async with fastagi() as url, FakeAsterisk().running() as asterisk:

        async def catch_up() -> None:
            await watch.resync_from(client)

        client = AmiClient("127.0.0.1", asterisk.port, "hotline", "secret", on_event=watch.feed,
                           on_resync=catch_up)  # fmt: skip
        task = asyncio.create_task(client.run())
        await until(lambda: client.connected)
        calls = [asterisk.call(url) for _ in range(2)]
        with watch.follow(calls[0].unique_id) as gone, watch.follow(calls[1].unique_id) as there:
            asterisk.cut()
            calls[0].hang_up()
            await asyncio.wait_for(gone.hung_up.wait(), 5)

            assert not there.hung_up.is_set()
            calls[1].press("7")
            assert await asyncio.wait_for(there.keys.get(), 5) == "7"
        task.cancel()


NAMES = st.sampled_from(["DTMFEnd", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup", "Other"])
IDS = st.sampled_from(["1.1", "1.2", "2", "3", "", "x"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "Uniqueid": IDS, "Linkedid": IDS, "DestUniqueid": IDS, "DestChannel": st.text(max_size=5),
        "DialStatus": st.sampled_from(["ANSWER", "BUSY", ""]), "BridgeUniqueid": IDS, "Cause": st.text(max_size=4),
        "Digit": st.text(max_size=2), "Direction": st.just("Received"),
    },
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.tuples(NAMES, FIELDS), max_size=30))
def test_any_events_in_any_order_leave_it_sound(events: list[tuple[str, dict[str, str]]]) -> None:
    """Forged, missing or reordered events never crash it, and nothing outlives the calls."""
    watch = Watch()
    with watch.follow("1.1") as one, watch.follow("1.2") as two:
        for name, fields in events:
            watch.feed(event(name, **fields))
        for call in (one, two):
            assert call.answered.is_set() <= call.dial_ended.is_set()
            assert all(call.legs[u].ended or watch._legs[u] in (one, two) for u in call.legs)

    assert watch._legs == {}
