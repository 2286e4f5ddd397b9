"""Read what the queues hold, for people to look at: pages, command line. Reads only; nothing decides by it.

Called by `router`.
"""

from __future__ import annotations

from typing import Any, cast

import redis.asyncio

from routing import keys
from routing.link import answer
from routing.model import AgentState, AgentView, CallState, Snapshot, Status, WaitingCall

CALLS_MAX = 1000


async def call_ids(client: redis.asyncio.Redis, root: str) -> list[str]:
    """Return the ids of all calls in any state, oldest first."""
    return cast(list[str], await answer(client.zrange(f"{root}:calls", 0, -1)))


async def read_snapshot(client: redis.asyncio.Redis, root: str) -> Snapshot:
    """Return queues, the CALLS_MAX oldest calls in line order, and all agents by id."""
    call_names = cast(list[str], await answer(client.zrange(f"{root}:calls", 0, CALLS_MAX - 1)))
    agent_names = sorted(cast(set[str], await answer(client.smembers(f"{root}:agents"))))
    async with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(f"{root}:queue_size")
        for name in call_names:
            pipe.hgetall(f"{root}:call:{name}")
        for name in agent_names:
            pipe.hgetall(f"{root}:agent:{name}")
        (seconds, micros), queues, *records = await answer(pipe.execute())
    call_records = zip(call_names, records, strict=False)
    agent_records = zip(agent_names, records[len(call_names) :], strict=True)
    calls = sorted((float(f["score"]), name, f) for name, f in call_records if f)
    return Snapshot(
        seconds * 1000 + micros // 1000,
        {name: int(size) for name, size in sorted(queues.items())},
        tuple(_call(name, fields) for _, name, fields in calls),
        tuple(_agent(name, fields) for name, fields in agent_records if fields),
    )


def _call(name: str, fields: dict[str, Any]) -> WaitingCall:
    return WaitingCall(
        name,
        fields["queue"],
        fields["need"],
        int(fields["priority"]),
        cast(CallState, fields["state"]),
        int(fields["entered_ms"]),
        int(fields["since_ms"]),
        fields.get("agent", ""),
        fields["controller"],
    )


def _agent(name: str, fields: dict[str, Any]) -> AgentView:
    return AgentView(
        name,
        fields["name"],
        fields["endpoint"],
        keys.group_skills(fields["group"]),
        cast(Status, fields["status"]),
        cast(AgentState, fields["state"]),
        int(fields["since_ms"]),
        fields.get("pause_reason", ""),
        fields.get("call", ""),
        int(fields["idle_since_ms"]),
    )
