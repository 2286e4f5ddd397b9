"""What Router tells without changing anything: places, expected waits, why, and whether it is worth asking."""

from __future__ import annotations

from redis.exceptions import ResponseError

from routing.errors import RouterUnavailable, UnknownCall
from routing.events import Events
from routing.explain import Explained
from routing.link import Client
from routing.measure import Measure, Wait
from routing.model import Position, Snapshot
from routing.presence import Presence
from routing.scripts import Scripts
from routing.snapshot import read_snapshot


class Inquiry:
    """The operations of `Router` that only read. measure  what the events taught `run` so far."""

    _client: Client
    _scripts: Scripts
    _root: str
    _presence: Presence
    _events: Events
    measure: Measure

    async def position(self, call_id: str) -> Position | None:
        """Tell the place of a call; None when it is in no queue (any more)."""
        try:
            reply = await self._scripts.run("call_position", call_id=call_id)
        except UnknownCall:
            return None
        return Position(reply["position"], reply["agents_in"], reply["waiting"], reply["queue"])

    async def expected_wait(self, call_id: str) -> Wait | None:
        """Estimate how long a call still waits; None while too little is known, or it does not wait.

        Learnt from the events `run` reads: a Router that does not run knows nothing.
        """
        try:
            reply = await self._scripts.run("call_position", call_id=call_id)
        except UnknownCall:
            return None
        held = self._presence.calls.get(call_id)
        line = held.class_.partition("@")[0] if held else ""
        waited_s = max(0, self.measure.now_ms - reply["entered_ms"]) / 1000
        return self.measure.expected_wait(reply["queue"], reply["position"], reply["agents_in"], waited_s, line)

    def changes(self, queue: str) -> int:
        """Return a number for `changed`; take it before asking for a position. Asks nothing of Redis."""
        return self._events.number(queue)

    def changed(self, queue: str, since: int) -> bool:
        """Tell whether places in this queue may have changed since `changes` was `since`. Asks nothing of Redis.

        True as well while Redis is silent: then `position` says so. Learnt 0.1 s late, by `run`.
        """
        return self._events.changed(queue, since)

    async def explain(self, call_id: str) -> Explained | None:
        """Read all that decides over a call at one moment (`why` has the words); None when it is in no queue."""
        try:
            reply = await self._scripts.run("call_explain", call_id=call_id)
        except UnknownCall:
            return None
        return Explained(
            call_id,
            reply["now_ms"],
            reply["call"],
            dict(reply["agents"]),
            frozenset(reply["lending"]),
            reply["position"],
            reply["waiting"],
        )

    async def learn(self) -> int:
        """Wait up to 2 s for what happens and learn from it for `expected_wait`; return how many events there were.

        For who looks on and does not `run`: one read, nothing written. Raises RouterUnavailable.
        """
        try:
            return await self._events.read_once()
        except ResponseError as error:
            raise RouterUnavailable(f"the events cannot be read ({error})") from error

    async def snapshot(self) -> Snapshot:
        """Read all queues, calls in line order and agents, for people to look at."""
        return await read_snapshot(self._client, self._root)
