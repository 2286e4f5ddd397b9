"""A controller's presence in Redis: its heartbeat, and putting its calls in line again after Redis lost them.

Called by `router`.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from routing.errors import RouterUnavailable, RoutingError
from routing.link import Client, answer, node_of
from routing.scripts import Scripts, Value

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeldCall:
    """What puts a call in line again: the arguments of call_enqueue that describe it, '' for none.

    entered_ms  0 before Redis named it.  talks  its wait is over.
    """

    node: str
    queue: str
    class_: str
    caller: str = ""
    affinity: str = ""
    affinity_ms: int = 0
    talk_ms: int = 0
    wrap_up_ms: int | str = ""
    budget: str = ""
    budget_ms: int = 0
    resume_ms: int = 0
    entered_ms: int = 0
    talks: bool = False

    def entry(self) -> dict[str, Value]:
        """Return the arguments of call_enqueue that describe the call."""
        fields = asdict(self) | {"class": self.class_, "entered_ms": self.entered_ms or ""}
        del fields["talks"], fields["class_"]
        return fields


class Presence:
    """One controller on one Redis.

    calls  the calls this controller holds, by id.  on_reset  awaited when Redis came back empty or as another
    process: sign the agents in again.  on_empty  called when it came back empty: streams begin anew.
    """

    def __init__(self, client: Client, scripts: Scripts, controller_id: str, node: str, dead_after_s: float) -> None:
        self._client, self._scripts = client, scripts
        self._controller_id, self._node = controller_id, node
        self._epoch, self._run_id, self._beat_at = "", "", 0.0
        self._dead_after_s = dead_after_s
        self.calls: dict[str, HeldCall] = {}
        self.on_reset: Callable[[], Awaitable[None]] | None = None
        self.on_empty: Callable[[], None] | None = None

    async def beat(self) -> None:
        """Tell Redis this controller lives; put right what a lost Redis, or a long pause here, undid."""
        reply = await self._scripts.run("controller_beat", controller=self._controller_id, epoch=uuid.uuid4().hex)
        run_id = await self._server_run_id()
        empty = self._epoch not in ("", reply["epoch"])
        restarted = self._run_id not in ("", run_id)
        # While this process stood still its calls may have been detached.
        forgotten = self._epoch != "" and time.monotonic() - self._beat_at > self._dead_after_s
        forgotten = forgotten or (not reply["known"] and (self._epoch != "" or bool(self.calls)))
        if empty and self.on_empty:
            log.error("redis_empty: %d calls are put in line again", len(self.calls))
            self.on_empty()
        if (empty or restarted) and self.on_reset:
            await self.on_reset()
        if empty or restarted or forgotten:
            await self._put_back()
        self._epoch, self._run_id, self._beat_at = reply["epoch"], run_id, time.monotonic()

    def talks(self, call_id: str) -> None:
        """The call is with an agent: never put it in line again by itself."""
        if call_id in self.calls:
            self.calls[call_id] = replace(self.calls[call_id], talks=True)

    def changed(self, call_id: str, queue: str, class_: str) -> None:
        """A supervisor moved the call or changed what it asks for: so it is put in line again from now on."""
        if call_id in self.calls:
            self.calls[call_id] = replace(self.calls[call_id], queue=queue, class_=class_)

    async def _put_back(self) -> None:
        """Put the waiting calls in line where they are not any more, oldest first; leave talks alone."""
        for call_id, held in sorted(self.calls.items(), key=lambda item: item[1].entered_ms):
            if held.talks or self.calls.get(call_id) is not held:
                continue
            try:
                await self._scripts.run(
                    "call_enqueue",
                    call_id=call_id,
                    controller=self._controller_id,
                    mode="keep",
                    max_len="",
                    **held.entry(),
                )
            except RouterUnavailable:
                raise
            except RoutingError as error:
                log.error("call_not_put_back %s: %s", call_id, error)
            if call_id not in self.calls:  # it ended while we asked
                await self._end(call_id)

    async def _end(self, call_id: str) -> None:
        await self._scripts.run(
            "call_end",
            call_id=call_id,
            outcome="abandoned",
            wrap_up=1,
            controller=self._controller_id,
            node=self._node,
            attached_ms="",
        )

    async def _server_run_id(self) -> str:
        return str((await answer(self._info()))["run_id"])

    async def _info(self) -> dict[str, str]:
        there = await node_of(self._client, self._scripts.root)
        found: dict[str, str] = await self._client.info("server", **there)
        return found
