"""A naive router, as one would write it first: lists in Redis, the choosing in Python. The other arm of routing_bench.

A call is a hash and a member of one ZSET by entry time. When an agent becomes ready, ZRANGE reads the whole line, the
records come in one pipeline, and the best call he fits is chosen here. `packed` spares it the records:
everything stands in the member of the ZSET.
"""

from __future__ import annotations

import json
import statistics
import time

import redis

from routing.model import Need


class NaiveRouter:
    """A line of `waiting` calls over `needs` needs; agents fit `fitting` of them. packed  see above."""

    def __init__(self, client: redis.Redis, waiting: int, *, packed: bool = False, needs: int = 4) -> None:
        self._client, self._packed = client, packed
        self.name = f"naive{', packed' if packed else ''} {waiting}"
        self._root = f"naive:{waiting}:{int(packed)}"
        self._waiting, self._needs = waiting, needs

    def load(self) -> None:
        """Fill the line."""
        pipe = self._client.pipeline(transaction=False)
        now_ms = int(time.time() * 1000)
        for number in range(self._waiting):
            self._put(pipe, f"call{number}", f"line{number % self._needs}>=1", now_ms - self._waiting + number)
        pipe.execute()

    def _put(self, pipe: redis.client.Pipeline, call_id: str, need: str, entered_ms: int) -> None:
        record = {"id": call_id, "need": need, "priority": 0, "entered_ms": entered_ms, "queue": "bench"}
        if self._packed:
            pipe.zadd(f"{self._root}:waiting", {json.dumps(record): entered_ms})
        else:
            pipe.zadd(f"{self._root}:waiting", {call_id: entered_ms})
            pipe.hset(f"{self._root}:call:{call_id}", mapping={**record, "state": "waiting"})

    def agent_ready(self, agent_id: str, skills: dict[str, int]) -> str | None:
        """Give the agent the best call he fits; None when there is none."""
        members = self._client.zrange(f"{self._root}:waiting", 0, -1)
        if self._packed:
            records = [json.loads(member) for member in members]
        else:
            pipe = self._client.pipeline(transaction=False)
            for call_id in members:
                pipe.hgetall(f"{self._root}:call:{call_id}")
            records = pipe.execute()
        best = self._best(records, skills)
        if best is None:
            return None
        pipe = self._client.pipeline()
        pipe.zrem(f"{self._root}:waiting", members[records.index(best)])
        pipe.hset(f"{self._root}:agent:{agent_id}", mapping={"state": "reserved", "call": best["id"]})
        if not self._packed:
            pipe.hset(f"{self._root}:call:{best['id']}", mapping={"state": "offered", "agent": agent_id})
        pipe.execute()
        return str(best["id"])

    def _best(self, records: list[dict[str, str]], skills: dict[str, int]) -> dict[str, str] | None:
        now_ms = time.time() * 1000
        terms = {text: Need(text).terms for text in {record["need"] for record in records}}
        able = [r for r in records if all(skills.get(name, 0) >= level for name, _, level in terms[r["need"]])]
        return max(
            able,
            key=lambda r: int(r["priority"]) * 60_000 + now_ms - int(r["entered_ms"]),
            default=None,
        )

    def put_back(self, call_id: str) -> None:
        """Let the call wait again, at the end."""
        pipe = self._client.pipeline()
        number = int(call_id.removeprefix("call"))
        self._put(pipe, call_id, f"line{number % self._needs}>=1", int(time.time() * 1000))
        pipe.execute()

    def costs(self) -> dict[str, float]:
        """Return wall and client CPU microseconds of one decision, the median of a few."""
        walls, cpus = [], []
        for _ in range(max(1, min(20, 2000 // self._waiting))):
            cpu, begin = time.process_time(), time.perf_counter()
            call_id = self.agent_ready("agent", {f"line{k}": 1 for k in range(self._needs)})
            walls.append((time.perf_counter() - begin) * 1e6)
            cpus.append((time.process_time() - cpu) * 1e6)
            assert call_id
            self.put_back(call_id)
        return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}
