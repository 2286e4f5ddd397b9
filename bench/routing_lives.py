"""Whole lives of calls through the real `Router`, and a relaxation wave. Used by routing_bench."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import redis
import redis.asyncio

from bench.routing_cells import BATCH, Cell, Wire, script_us
from routing import keys
from routing.errors import RouterUnavailable
from routing.model import AgentProfile, Need, Plan, Step
from routing.router import Router

WAVE_AFTER_MS = 60_000
WAVE_GROUPS = 4


@contextlib.asynccontextmanager
async def running(url: str, group: str) -> AsyncIterator[Router]:
    """A Router with everything that runs beside the calls."""
    client = redis.asyncio.Redis.from_url(url, decode_responses=True)
    router = Router(client, group=group, controller_id="bench")
    await router.start()
    beside = asyncio.create_task(router.run())
    try:
        yield router
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)
        await router.close()
        await client.aclose()


@dataclass(frozen=True)
class Rest:
    """An interval in which nobody did anything. cpu_us  of this process, a second."""

    commands_per_s: float
    cpu_us_per_s: float


async def rest(url: str, waiting: int, seconds: float) -> tuple[Rest, Rest]:
    """Return what an interval costs without calls, and with `waiting` callers who wait."""
    async with running(url, "rest") as router:
        before = await _rest(router, url, seconds)
        async with asyncio.TaskGroup() as tasks:
            for number in range(waiting):
                await router.enqueue(f"rest.{number}", "bench", Need("nobody>=1"))
                tasks.create_task(_wait(router, f"rest.{number}"))
            during = await _rest(router, url, seconds)
            for number in range(waiting):
                await router.abandon(f"rest.{number}")
                _waiters.pop().cancel()
    return before, during


_waiters: list[asyncio.Task[None]] = []


async def _wait(router: Router, call_id: str) -> None:
    task = asyncio.current_task()
    assert task
    _waiters.append(task)
    with router.waiting(call_id) as line:
        await line.next_offer(None)


async def _rest(router: Router, url: str, seconds: float) -> Rest:
    client = redis.asyncio.Redis.from_url(url)
    await asyncio.sleep(0.5)
    commands = (await client.info("stats"))["total_commands_processed"]
    cpu, begin = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    passed, used = time.monotonic() - begin, time.process_time() - cpu
    commands = (await client.info("stats"))["total_commands_processed"] - commands - 1
    await client.aclose()
    return Rest(commands / passed, used / passed * 1e6)


@dataclass(frozen=True)
class Lives:
    """redis_us, client_us  CPU per life: enqueue, offer taken, accepted, completed.  failed  lives given up."""

    lives_per_s: float
    failed: int
    redis_us: float
    client_us: float


async def lives_through_router(url: str, agents: int, callers: int, seconds: float) -> Lives:
    """Let `callers` callers at once call again and again for `seconds`, served by `agents` agents without wrap-up."""
    async with running(url, "lives") as router:
        for number in range(agents):
            await router.sign_in(AgentProfile(f"agent{number}", "PJSIP/bench", {"line": 3}, wrap_up_s=0))
        done, failed, end_at = 0, 0, time.monotonic() + seconds

        async def live(call_id: str) -> None:
            with router.waiting(call_id) as line:
                placed = await router.enqueue(call_id, "bench", Need("line>=1"))
                offer = placed.offer if placed else None
                while not offer or not await router.accept(offer):
                    offer = await line.next_offer(None)
            await router.complete(call_id, wrap_up=False)

        async def caller(who: int) -> None:
            nonlocal done, failed
            turn = 0
            while time.monotonic() < end_at:
                turn += 1
                try:
                    await live(f"life.{who}.{turn}")
                    done += 1
                except RouterUnavailable:
                    failed += 1
                    await router.abandon(f"life.{who}.{turn}")

        server = redis.Redis.from_url(url)
        cpu, used, begin = time.process_time(), redis_cpu_s(server), time.monotonic()
        await asyncio.gather(*(caller(n) for n in range(callers)))
        passed = time.monotonic() - begin
        result = Lives(
            done / passed,
            failed,
            (redis_cpu_s(server) - used) / done * 1e6,
            (time.process_time() - cpu) / done * 1e6,
        )
        server.close()
        return result


def redis_cpu_s(client: redis.Redis) -> float:
    """Return the CPU seconds Redis used so far."""
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def lives_on_redis(client: redis.Redis, cell: Cell, count: int) -> float:
    """Return Redis CPU microseconds for each of `count` lives sent in pipelines."""
    used = redis_cpu_s(client)
    for number in range(count):
        cell.life()
        if number % 100 == 99:
            cell.send()
    cell.send()
    return (redis_cpu_s(client) - used) / count * 1e6


@dataclass(frozen=True)
class Wave:
    """matched  calls offered.  all_ms  from the moment the step opened to the last offer.  longest_ms  one script."""

    matched: int
    calls: int
    all_ms: float
    longest_ms: float
    sweeps: int


def wave(client: redis.Redis, wire: Wire, calls: int) -> Wave:
    """Open a relax step for `calls` calls at one moment, with as many ready agents it lets in, and sweep."""
    root, begin = keys.root(f"wave{calls}"), time.time()
    groups = [keys.group_name({"second": 1 + n}) for n in range(WAVE_GROUPS)]
    _send(client, [
        wire.words("sign_in", root, agent_id=f"agent{n}", group=groups[n % WAVE_GROUPS]) for n in range(calls)
    ])  # fmt: skip
    plan = Plan(Need("first>=5"), (Step(WAVE_AFTER_MS / 1000, Need("second>=1"), skip_if_nobody=False),))
    # The moment it opens: late enough for the line to be full by then.
    opens_ms = round((time.time() + 2 + 2 * (time.time() - begin)) * 1000)
    named = {"class": keys.class_name(plan), "entered_ms": opens_ms - WAVE_AFTER_MS}
    _send(client, [wire.words("enqueue", root, call_id=f"wave.{n}", **named) for n in range(calls)])
    left_s = opens_ms / 1000 - time.time()
    if left_s < 0:
        raise TimeoutError(f"the step opened {-left_s:.1f} s before the line was full")
    time.sleep(left_s + 0.001)
    client.slowlog_reset()
    client.config_set("slowlog-log-slower-than", 0)
    begin, sweeps = time.perf_counter(), 0
    while time.perf_counter() - begin < 20:
        sweeps += 1
        if '"next_ms":0' not in str(client.execute_command(*wire.words("sweep", root))):
            break
    passed = time.perf_counter() - begin
    client.config_set("slowlog-log-slower-than", -1)
    matched = client.xlen(f"{root}:offers:bench")
    return Wave(matched, calls, passed * 1000, max(script_us(client)) / 1000, sweeps)


def _send(client: redis.Redis, commands: list[list[str | int]]) -> None:
    for at in range(0, len(commands), BATCH):
        pipe = client.pipeline(transaction=False)
        for words in commands[at : at + BATCH]:
            pipe.execute_command(*words)
        pipe.execute()
