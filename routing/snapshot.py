"""Read what the queues hold, for people to look at: pages, command line. Reads only; nothing decides by it.

Called by `router`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from routing import keys
from routing.link import Client, answer, node_of
from routing.model import AgentState, AgentView, CallState, Snapshot, Status, WaitingCall
from routing.rules import read_class

CALLS_MAX = 1000


async def now_ms(client: Client, root: str) -> int:
    """Return the time of the Redis that holds the group."""
    return await answer(_time(client, root))


async def calls_of_node(client: Client, root: str, node: str, but: Collection[str]) -> list[str]:
    """Return the ids of the calls in any state on Asterisk `node` that are not among `but`, oldest first."""
    names = [name for name in await _call_ids(client, root, -1) if name not in but]
    if not names:
        return []
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hget(f"{root}:call:{name}", "node")
        nodes = await answer(pipe.execute())
    return [name for name, its_node in zip(names, nodes, strict=True) if its_node == node]


async def read_snapshot(client: Client, root: str) -> Snapshot:
    """Return queues, the CALLS_MAX oldest calls, best first as far as priority tells, and all agents by id."""
    call_names = await _call_ids(client, root, CALLS_MAX - 1)
    agent_names = sorted(cast(set[str], await answer(client.smembers(f"{root}:agents"))))
    now = await now_ms(client, root)
    async with client.pipeline(transaction=False) as pipe:
        pipe.hgetall(f"{root}:queue_size")
        for name in call_names:
            pipe.hgetall(f"{root}:call:{name}")
        for name in agent_names:
            pipe.hgetall(f"{root}:agent:{name}")
        queues, *records = await answer(pipe.execute())
    call_records = zip(call_names, records, strict=False)
    agent_records = zip(agent_names, records[len(call_names) :], strict=True)
    calls = sorted((_rank(name, f, now), name, f) for name, f in call_records if f)
    return Snapshot(
        now,
        {name: int(size) for name, size in sorted(queues.items())},
        tuple(_call(name, fields) for _, name, fields in calls),
        tuple(_agent(name, fields) for name, fields in agent_records if fields),
    )


async def _call_ids(client: Client, root: str, last: int) -> list[str]:
    return cast(list[str], await answer(client.zrange(f"{root}:calls", 0, last)))


async def _time(client: Client, root: str) -> int:
    seconds, micros = await client.time(**await node_of(client, root))
    return int(seconds) * 1000 + int(micros) // 1000


def _rank(name: str, fields: dict[str, Any], now: int) -> tuple[int, int, int, str]:
    tier, value = read_class(fields["class"]).value(now - int(fields["entered_ms"]))
    return -tier, -value, int(fields["entered_ms"]), name


def _call(name: str, fields: dict[str, Any]) -> WaitingCall:
    its_class = read_class(fields["class"])
    return WaitingCall(
        name,
        fields["queue"],
        str(its_class.rings[0].need),
        its_class.priority,
        cast(CallState, fields["state"]),
        int(fields["entered_ms"]),
        int(fields["since_ms"]),
        fields.get("agent", ""),
        fields["controller"],
        fields["node"],
        its_class.tier > 0,
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
        int(fields.get("until_ms", 0)),
        int(fields.get("calls", 0)),
        int(fields.get("talk_ms", 0)),
    )
