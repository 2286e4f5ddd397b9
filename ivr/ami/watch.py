"""Sort AMI events by the call they tell of: keys, the agent's leg, bridge, hang-up.

Fed by `AmiClient` (`on_event=watch.feed`), asked by `ivr.session`. An event is a hint that something
happened, never the proof: who acts on it confirms with the channel or the router first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ivr.ami.client import AmiClient
from ivr.ami.protocol import Event, Message
from ivr.log import logger

log = logger(__name__)

MAX_KEYS = 32  # keys nobody has read yet; the oldest goes first
MAX_LEGS = 64  # legs dialled for one call; a call is offered to one agent at a time
KEYS = frozenset("0123456789*#ABCD")


@dataclass(slots=True)
class Leg:
    """A channel dialled for a call.

    unique_id  Asterisk's Uniqueid.  channel  its name, e.g. PJSIP/<endpoint>-00000003.
    status  DialStatus once the dialling ended, '' before: ANSWER, BUSY, NOANSWER, CANCEL, CHANUNAVAIL ...
    cause  Q.850 cause of its hang-up, None while it lives or when the hang-up was missed.
    """

    unique_id: str
    channel: str
    status: str = ""
    ended: bool = False
    cause: int | None = None

    @property
    def endpoint(self) -> str:
        """Endpoint name out of the channel name, '' when there is none."""
        return self.channel.partition("/")[2].rpartition("-")[0]


class CallWatch:
    """What AMI told about one call so far.

    keys  pressed by the caller, oldest first, at most MAX_KEYS unread.
    ringing, answered, dial_ended, bridged, agent_hung_up  of the leg dialled last; cleared by the next dial.
    answered_by  channel name of the leg that answered, '' before.  leg  the one dialled last.
    hung_up  the caller's channel is gone; `cause` is Q.850, None when the event was missed.
    """

    def __init__(self, call_id: str, mark: int) -> None:
        self.call_id = call_id
        self.keys: asyncio.Queue[str] = asyncio.Queue(MAX_KEYS)
        self.ringing, self.answered, self.dial_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.bridged, self.agent_hung_up, self.hung_up = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answered_by = ""
        self.cause: int | None = None
        self.leg: Leg | None = None
        self.legs: dict[str, Leg] = {}
        self._mark = mark
        self._bridges: dict[str, str] = {}  # Uniqueid -> BridgeUniqueid, of the caller and the legs

    @property
    def dial_status(self) -> str:
        return self.leg.status if self.leg else ""

    def drain_keys(self) -> str:
        """Forget unread keys and return them."""
        read = ""
        while not self.keys.empty():
            read += self.keys.get_nowait()
        return read

    def _press(self, key: str) -> None:
        if self.keys.full():
            self.keys.get_nowait()
        self.keys.put_nowait(key)

    def _begin_dial(self, leg: Leg) -> None:
        self.leg = self.legs[leg.unique_id] = leg
        self.answered_by = ""
        for event in (self.answered, self.dial_ended, self.bridged, self.agent_hung_up):
            event.clear()
        self.ringing.set()

    def _end_dial(self, leg: Leg, status: str) -> None:
        leg.status = status
        self.dial_ended.set()
        if status == "ANSWER":
            self.answered_by = leg.channel
            self.answered.set()

    def _end_leg(self, leg: Leg, cause: int | None) -> None:
        leg.ended, leg.cause = True, cause
        if leg is self.leg:
            self.agent_hung_up.set()

    def _end(self, cause: int | None) -> None:
        self.cause = cause
        self.hung_up.set()

    def _enter_bridge(self, unique_id: str, bridge: str) -> None:
        self._bridges[unique_id] = bridge
        mine = self._bridges.get(self.call_id)
        if mine and any(b == mine for u, b in self._bridges.items() if u != self.call_id):
            self.bridged.set()

    def _leave_bridge(self, unique_id: str) -> None:
        self._bridges.pop(unique_id, None)


class Watch:
    """The calls somebody follows, and the legs dialled for them."""

    def __init__(self) -> None:
        self._calls: dict[str, CallWatch] = {}
        self._legs: dict[str, CallWatch] = {}
        self._mark = 0
        self._handlers: dict[str, Callable[[Event], None]] = {
            "DTMFEnd": self._key_pressed,
            "DialBegin": self._dial_began,
            "DialEnd": self._dial_ended,
            "BridgeEnter": self._bridge_entered,
            "BridgeLeave": self._bridge_left,
            "Hangup": self._hung_up,
        }

    @contextmanager
    def follow(self, call_id: str) -> Iterator[CallWatch]:
        """Collect what happens to the call whose Uniqueid is `call_id` until the block ends."""
        if call_id in self._calls:
            raise ValueError(f"call {call_id} is already followed")
        call = self._calls[call_id] = CallWatch(call_id, self._mark)
        try:
            yield call
        finally:
            del self._calls[call_id]
            for unique_id in [u for u, c in self._legs.items() if c is call]:
                del self._legs[unique_id]

    def followed(self) -> tuple[str, ...]:
        return tuple(self._calls)

    def feed(self, event: Event) -> None:
        """Take one event: pass as `on_event` to AmiClient. Events of calls nobody follows are dropped."""
        handler = self._handlers.get(event.name)
        if handler is not None and self._calls:
            handler(event)

    async def resync_from(self, client: AmiClient) -> list[Message]:
        """List the channels (action `Status`, allowed with write = call), catch up, return the list."""
        mark = self.mark()
        channels = await client.action_list("Status")
        self.resync(channels, mark)
        return channels

    def mark(self) -> int:
        """Return a mark to take before asking for the channels: calls followed later are not in the list."""
        self._mark += 1
        return self._mark

    def resync(self, channels: Iterable[Message], mark: int | None = None) -> None:
        """Catch up with missed events from a list of all living channels (`Status` or `CoreShowChannels`).

        Followed calls and legs that are not in it have hung up; those sharing a bridge are talking.
        mark  what `mark()` gave before the list was asked for: calls followed since are left alone.
        """
        living = {c.get("Uniqueid"): c.get("BridgeID") or c.get("BridgeId") for c in channels}
        for call in list(self._calls.values()):
            if mark is not None and call._mark >= mark:
                continue
            for leg in call.legs.values():
                if leg.unique_id not in living and not leg.ended:
                    self._legs.pop(leg.unique_id, None)
                    call._end_leg(leg, None)
                elif living.get(leg.unique_id):
                    call._enter_bridge(leg.unique_id, living[leg.unique_id])
            if call.call_id not in living:
                call._end(None)
            elif living[call.call_id]:
                call._enter_bridge(call.call_id, living[call.call_id])
                self._missed_answer(call)

    def _missed_answer(self, call: CallWatch) -> None:
        if call.bridged.is_set() and call.leg and not call.leg.ended and not call.answered.is_set():
            call._end_dial(call.leg, "ANSWER")

    def _key_pressed(self, event: Event) -> None:
        call = self._calls.get(event.get("Uniqueid"))
        if call and event.get("Direction") == "Received" and event.get("Digit") in KEYS:
            call._press(event["Digit"])

    def _dial_began(self, event: Event) -> None:
        call, leg_id = self._dialling(event), event.get("DestUniqueid")
        if call is None or not leg_id or leg_id == call.call_id:
            return
        if len(call.legs) >= MAX_LEGS:
            oldest = next(iter(call.legs))
            self._legs.pop(oldest, None)
            del call.legs[oldest]
        self._legs[leg_id] = call
        call._begin_dial(Leg(leg_id, event.get("DestChannel")))

    def _dial_ended(self, event: Event) -> None:
        call = self._dialling(event)
        leg = call.legs.get(event.get("DestUniqueid")) if call else None
        if call and leg:
            call._end_dial(leg, event.get("DialStatus"))

    def _dialling(self, event: Event) -> CallWatch | None:
        """Return the call that dials: its own channel, or one linked to it. An originate has no Uniqueid."""
        dialling = event.get("Uniqueid")
        if not dialling:
            return None
        return self._calls.get(dialling) or self._calls.get(event.get("Linkedid"))

    def _bridge_entered(self, event: Event) -> None:
        call = self._owner(event)
        if call:
            call._enter_bridge(event.get("Uniqueid"), event.get("BridgeUniqueid"))

    def _bridge_left(self, event: Event) -> None:
        call = self._owner(event)
        if call:
            call._leave_bridge(event.get("Uniqueid"))

    def _hung_up(self, event: Event) -> None:
        unique_id, cause = event.get("Uniqueid"), _cause(event)
        call = self._calls.get(unique_id)
        if call:
            call._leave_bridge(unique_id)
            call._end(cause)
            return
        call = self._legs.pop(unique_id, None)
        if call:
            call._leave_bridge(unique_id)
            call._end_leg(call.legs[unique_id], cause)

    def _owner(self, event: Event) -> CallWatch | None:
        unique_id = event.get("Uniqueid")
        return self._calls.get(unique_id) or self._legs.get(unique_id)


def _cause(event: Event) -> int | None:
    text = event.get("Cause")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
