"""What holds for a routing group's keys and scripts whatever the calls: cluster, memory, time, leftovers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.errors import RouterUnavailable
from routing.keys import class_name
from routing.model import AgentProfile, Need, Plan
from routing.router import Router
from routing.scripts import load
from tests.support.ports import free_port
from tests.support.redis import RealRedis, real_redis
from tests.support.routing import MOVED_CLOCK, ROOT, START_MS, MovedRedis, index_faults

NET = Need("internet")


@contextlib.asynccontextmanager
async def router(redis: RealRedis, **options: object) -> AsyncIterator[Router]:
    """A started router of the test's group that beats and sweeps only when told to."""
    async with contextlib.aclosing(redis.client()) as client:
        it = Router(client, group="test", controller_id="k1", **options)  # type: ignore[arg-type]
        await it.start()
        try:
            yield it
        finally:
            with contextlib.suppress(RouterUnavailable):
                await it.close()


async def live_through(it: Router, calls: int) -> None:
    """Some calls answered, some refused, some abandoned; nobody is left."""
    for name in ("anna", "bob"):
        await it.sign_in(AgentProfile(name, name, {"internet": 2, "tv": 1}, wrap_up_s=0))
    for n in range(calls):
        placement = await it.enqueue(f"1.{n}", "net", NET, priority=n % 3)
        offer = placement.offer if placement else None
        if offer and n % 2 == 0:
            placement = await it.refuse(offer, "busy")
            await it.end_wrap_up(offer.agent_id)
        elif offer:
            assert await it.accept(offer)
    for n in range(calls):
        await (it.complete if n % 3 else it.abandon)(f"1.{n}")
    for name in ("anna", "bob"):
        await it.sign_out(name)


async def test_no_key_is_left_behind(tmp_path: Path) -> None:
    """After calls and agents have left, what remains goes by itself or is the group's own: token, epoch, events."""
    async with real_redis(tmp_path) as redis, contextlib.aclosing(redis.client()) as client:
        moved = MovedRedis(client)
        await moved.clear()
        async with router(redis, replaced=MOVED_CLOCK) as it:
            await live_through(it, 12)
        await moved.move_ms(3_700_000)
        await moved.scripts.run("sweep_due", batch=100, dead_after_ms=5000, lost_after_ms=30000, back_off_ms=1,
                                pause_after=0, sweeper="")
        left = await moved.dump()

        assert left.names() == set()
        assert index_faults(left) == []
        for name in await client.keys("*:reply:*"):
            assert 0 < await client.pttl(name) <= 30_000


async def test_all_keys_of_a_group_share_one_slot_of_a_cluster(tmp_path: Path) -> None:
    """The same life on a server in cluster mode, which refuses a script that leaves its slot."""
    options = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    async with real_redis(tmp_path, options=options) as redis, contextlib.aclosing(redis.client()) as client:
        await client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        for _ in range(100):
            if "cluster_state:ok" in str(await client.execute_command("CLUSTER INFO")).replace("': '", ":"):
                break
            await asyncio.sleep(0.05)
        async with router(redis) as it:
            await live_through(it, 12)
            names = await client.keys("*")
            slots = {await client.execute_command("CLUSTER", "KEYSLOT", name) for name in names}

            assert len(slots) == 1
            assert all(name.startswith(f"{ROOT}:") for name in names)


async def test_out_of_memory_stops_new_calls_but_frees_agents(tmp_path: Path) -> None:
    """Scripts that free carry allow-oom; those that take on work do not, and say so as RouterUnavailable."""
    async with real_redis(tmp_path) as redis, contextlib.aclosing(redis.client()) as client, router(redis) as it:
        await it.sign_in(AgentProfile("anna", "anna", {"internet": 2}, wrap_up_s=0))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        await client.config_set("maxmemory", "1mb")
        with pytest.raises(RouterUnavailable, match="maxmemory"):
            await it.enqueue("1.2", "net", NET)
        assert await it.accept(placement.offer)
        await it.complete("1.1")

        seen = await it.snapshot()
        assert [(a.agent_id, a.state) for a in seen.agents] == [("anna", "ready")]
        assert seen.calls == ()


async def test_flushed_scripts_are_loaded_again(tmp_path: Path) -> None:
    async with real_redis(tmp_path) as redis, contextlib.aclosing(redis.client()) as client, router(redis) as it:
        await it.enqueue("1.1", "net", NET)
        await client.script_flush()
        await it.abandon("1.1")

        assert (await it.snapshot()).calls == ()


async def test_one_decision_among_many_waiting_costs_no_more(tmp_path: Path) -> None:
    """Commands inside the scripts that free an agent are as many with 3,000 calls in line as with 3."""
    async with real_redis(tmp_path) as redis, contextlib.aclosing(redis.client()) as client:
        moved = MovedRedis(client)
        await moved.clear()
        costs = []
        for waiting in (3, 3, 3000):  # the first loads the scripts
            await _fill(moved, waiting)
            before = await _commands(client)
            await moved.scripts.run("agent_ready", agent_id="anna")
            costs.append(await _commands(client) - before)
            dump = await moved.dump()
            assert dump.pairs("agent:anna")["state"] == "reserved"
            await moved.clear()

        assert costs[1] == costs[2]


async def _fill(moved: MovedRedis, waiting: int) -> None:
    """Anna rests; `waiting` calls stand in four classes."""
    await moved.scripts.run("agent_sign_in", agent_id="anna", group="internet=3", endpoint="e", name="", language="",
                            ring_ms=1, wrap_up_ms=1, mode="sign_in")
    placed = await moved.scripts.run("call_enqueue", **_entry("0", 0))
    await moved.scripts.run("offer_refuse", call_id="0", token=placed["token"], cause="busy", back_off_ms=1000,
                            pause_after=0)
    for start in range(1, waiting, 50):
        await asyncio.gather(*(moved.scripts.run("call_enqueue", **_entry(str(n), n % 4))
                               for n in range(start, min(start + 50, waiting))))


def _entry(call: str, priority: int) -> dict[str, str | int]:
    return {"call_id": call, "controller": "k1", "node": "n", "queue": "net", "class": class_name(Plan(NET), priority),
            "entered_ms": START_MS - 5, "max_len": "", "mode": "renew", "caller": "", "resume_ms": 0, "affinity": "",
            "affinity_ms": 0, "talk_ms": 0, "wrap_up_ms": "", "budget": "", "budget_ms": 0}


async def _commands(client: object) -> int:
    """Commands Redis has done so far, those inside scripts included."""
    stats = await client.info("commandstats")  # type: ignore[attr-defined]
    return sum(int(entry["calls"]) for name, entry in stats.items() if name != "cmdstat_info")


def test_a_script_in_production_cannot_have_its_time_moved() -> None:
    """The test's clock is another text; nothing in the real one reads a key or an argument for the time."""
    for script in load().values():
        assert ":clock" not in script.text
        if "now_ms()" in script.text:
            assert "redis.call('TIME')" in script.text
