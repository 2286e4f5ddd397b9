"""The scripts on a real Redis whose time the simulation moves, as an engine: to show that they decide as the model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from bench.simulation.engines import CONTROLLER, NODE, POLICY, Made, class_of
from bench.simulation.load import Caller, Load
from routing import keys
from routing.model import AgentProfile
from tests.support.redis import real_redis
from tests.support.routing import ROOT, PlainRedis

# What of Redis's index of due things comes true here; an offer is answered or refused before its time.
KINDS = ("agent", "ring", "class")


class Scripted:
    """Every operation is one script, as Router runs it."""

    def __init__(self, load: Load, plain: PlainRedis) -> None:
        self._redis, self._lending = plain, load.lending
        self._client: Any = plain.client
        self._requests = 0
        self._read = "-"
        plain.clear()

    def sign_in(self, now: int, agent: AgentProfile) -> None:
        for project in self._lending:
            self._run(now, "project_lend", project=project, on=1)
        self._run(now, "agent_sign_in", agent_id=agent.agent_id, group=keys.group_name(agent.all_skills), endpoint="e",
                  name="", language="", ring_ms=round(agent.ring_s * 1000), wrap_up_ms=round(agent.wrap_up_s * 1000),
                  mode="sign_in")  # fmt: skip

    def enqueue(self, now: int, caller: Caller, entered_ms: int) -> None:
        self._beat(now)
        self._run(now, "call_enqueue", call_id=caller.call_id, controller=CONTROLLER, node=NODE, queue=caller.line.name,
                  **{"class": class_of(caller)}, entered_ms=entered_ms, max_len="", mode="renew", caller="",
                  resume_ms=0, affinity="", affinity_ms=0, talk_ms=0, wrap_up_ms=caller.wrap_up_ms, budget="",
                  budget_ms=0)  # fmt: skip

    def accept(self, now: int, offer: Made) -> None:
        self._run(now, "offer_accept", call_id=offer.call_id, token=offer.token)

    def refuse(self, now: int, offer: Made) -> None:
        self._run(now, "offer_refuse", call_id=offer.call_id, token=offer.token, cause="no_answer",
                  back_off_ms=round(POLICY.back_off_s["no_answer"] * 1000), pause_after=0)  # fmt: skip

    def abandon(self, now: int, call_id: str) -> None:
        self._end(now, call_id, "abandoned", wrap_up=True)

    def complete(self, now: int, call_id: str, *, wrap_up: bool) -> None:
        self._end(now, call_id, "completed", wrap_up=wrap_up)

    def sweep(self, now: int) -> None:
        self._beat(now)
        self._run(now, "sweep_due", sweeper="", batch=1000, dead_after_ms=round(POLICY.dead_after_s * 1000),
                  lost_after_ms=round(POLICY.lost_after_s * 1000),
                  back_off_ms=round(POLICY.back_off_s["no_answer"] * 1000), pause_after=0)  # fmt: skip

    def due_ms(self) -> int | None:
        """Whatever Redis has to do next: offers and what is of calls are never late here."""
        due: list[tuple[str, float]] = self._client.zrange(f"{ROOT}:due", 0, -1, withscores=True)
        return min((int(score) for member, score in due if member.partition(" ")[0] in KINDS), default=None)

    def offers(self, now: int) -> list[Made]:
        made = []
        for event in self.events():
            if event["type"] == "offered":
                made.append(Made(event["call"], event["agent"], int(event["token"])))
                self._run(now, "offer_take", call_id=event["call"], token=event["token"],
                          margin_ms=round(POLICY.ring_margin_s * 1000))  # fmt: skip
        return made

    def place(self, now: int, call_id: str) -> tuple[int, int]:
        reply = self._run(now, "call_position", call_id=call_id)
        return reply["position"], reply["agents_in"]

    def events(self) -> list[dict[str, str]]:
        """The events since asked last."""
        entries: list[tuple[str, dict[str, str]]] = self._client.xrange(f"{ROOT}:events", self._read)
        if entries:
            self._read = f"({entries[-1][0]}"
        return [fields for _, fields in entries]

    def _beat(self, now: int) -> None:
        self._run(now, "controller_beat", controller=CONTROLLER, epoch="e")

    def _end(self, now: int, call_id: str, outcome: str, *, wrap_up: bool) -> None:
        self._run(now, "call_end", call_id=call_id, outcome=outcome, wrap_up=int(wrap_up), controller=CONTROLLER,
                  node=NODE, attached_ms="")  # fmt: skip

    def _run(self, now: int, script: str, **values: Any) -> dict[str, Any]:
        if now != self._redis.now:
            self._redis.move_ms(now - self._redis.now)
        self._requests += 1
        return self._redis.once(script, request_id=f"r{self._requests}", **values)


@contextlib.contextmanager
def plain_redis(folder: Path) -> Iterator[PlainRedis]:
    """A real Redis of its own, its client without an event loop."""
    with asyncio.Runner() as runner:
        server = real_redis(folder)
        real = runner.run(server.__aenter__())
        client = redis.Redis(host="127.0.0.1", port=real.port, decode_responses=True)
        try:
            yield PlainRedis(client)
        finally:
            client.close()
            runner.run(server.__aexit__(None, None, None))
