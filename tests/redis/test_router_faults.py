"""Router on a real Redis when controllers die, channels vanish, and Redis hangs, restarts or comes back empty."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from routing.errors import RouterUnavailable
from tests.support.redis import RealRedis, real_redis
from tests.support.routers import NET, agent, are_only, is_gone, is_in, router, states, wait_until


async def test_another_controller_takes_calls_on_at_their_place(redis: RealRedis) -> None:
    """Entry time stays, an offer to the dead controller is over, its late words change nothing."""
    async with router(redis, "k1", runs=False) as dead, router(redis, "k2", runs=False) as heir:
        await dead.sign_in(agent("anna"))
        first = await dead.enqueue("1.1", "net", NET)
        second = await dead.enqueue("1.2", "net", NET)
        third = await dead.enqueue("1.3", "net", NET)
        assert first is not None
        assert first.offer is not None
        assert second is not None
        assert third is not None
        adopted = await heir.enqueue("1.1", "net", NET)

        assert adopted is not None
        assert adopted.offer is not None
        assert adopted.entered_ms == first.entered_ms
        assert adopted.offer.token > first.offer.token
        assert not await dead.accept(first.offer)
        taken_on = await heir.enqueue("1.3", "net", NET)
        assert taken_on is not None
        assert taken_on.position == 2, "behind 1.2, as before"
        await dead.abandon("1.3")
        assert await heir.position("1.3") is not None
        assert await heir.accept(adopted.offer)


async def test_calls_of_a_dead_controller_are_lost_after_a_while_but_talks_stay(redis: RealRedis) -> None:
    """No offer goes to the dead; the ringing agent is free at once; the talk lasts until somebody completes it."""
    async with router(redis, "k2") as heir:
        async with router(redis, "k1") as dead:
            for name in ("anna", "bob"):
                await dead.sign_in(agent(name))
            talk, ring = await dead.enqueue("1.1", "net", NET), await dead.enqueue("1.2", "net", NET)
            assert talk is not None
            assert talk.offer is not None
            assert ring is not None
            await dead.accept(talk.offer)
            await dead.enqueue("1.3", "net", NET)
        await wait_until(lambda: is_in(heir, "bob", "ready"))
        assert await states(heir) == {"anna": "talking", "1.1": "bridged", "bob": "ready", "1.2": "detached",
                                      "1.3": "detached"}
        back = await heir.enqueue("1.3", "net", NET)
        assert back is not None
        assert back.offer is not None
        assert back.offer.agent_id == "bob"
        await wait_until(lambda: is_gone(heir, "1.2"))
        assert await states(heir) == {"anna": "talking", "1.1": "bridged", "bob": "ringing", "1.3": "offered"}
        await heir.complete("1.1")
        assert (await states(heir))["anna"] == "ready"


async def test_an_offer_nobody_answers_expires_and_the_call_stays_first(redis: RealRedis) -> None:
    """Ring time and margin pass without a word from the session: back-off, then the next try."""
    async with router(redis) as it:
        await it.sign_in(agent("anna", ring_s=0.1))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        with it.waiting("1.1") as line:
            offer = await line.next_offer(3)

            assert offer is not None
            assert offer.token > placement.offer.token
            assert not await it.accept(placement.offer)


async def test_reconcile_ends_calls_without_a_channel(redis: RealRedis) -> None:
    """Only those of this node, and not those younger than the list."""
    async with router(redis, "k1", runs=False) as it:
        await it.sign_in(agent("anna", wrap_up_s=5))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        await it.accept(placement.offer)
        await it.enqueue("1.2", "net", NET)

        assert await it.reconcile(["1.2"], grace_s=60) == ()
        assert await it.reconcile(["1.2"], grace_s=0) == ("1.1",)
        assert await states(it) == {"anna": "wrap_up", "1.2": "waiting"}


async def test_a_hanging_redis_is_reported_within_two_seconds_and_ends_are_made_good(redis: RealRedis) -> None:
    """SIGSTOP: RouterUnavailable soon, abandon and complete do not raise and count once Redis is back."""
    async with router(redis) as it:
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        await it.accept(placement.offer)
        await it.enqueue("1.2", "net", NET)
        redis.send(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(RouterUnavailable):
            await it.enqueue("1.3", "net", NET)

        assert time.monotonic() - began < 2.5
        await asyncio.gather(it.abandon("1.3"), it.abandon("1.2"), it.complete("1.1"))
        redis.send(signal.SIGCONT)
        await wait_until(lambda: are_only(it, {"anna": "ready"}), within_s=8)


async def test_a_redis_that_comes_back_empty_is_filled_again(redis: RealRedis) -> None:
    """Agents by the application's callback, calls by the router itself: same order, same entry times."""
    async with router(redis) as it:
        async def sign_in_again() -> None:
            await it.restore([agent("anna")])

        it.on_reset = sign_in_again
        await it.sign_in(agent("anna"))
        first = await it.enqueue("1.1", "net", NET)
        second, third = await it.enqueue("1.2", "net", NET), await it.enqueue("1.3", "net", NET)
        assert first is not None
        assert first.offer is not None
        assert second is not None
        assert third is not None
        await redis.stop(signal.SIGKILL)
        with pytest.raises(RouterUnavailable):
            await it.position("1.2")
        await redis.start()
        with it.waiting("1.1") as line:
            offer = await line.next_offer(8)

            assert offer is not None
            assert offer.token > first.offer.token
        seen = {c.call_id: c.entered_ms for c in (await it.snapshot()).waiting}
        assert list(seen) == ["1.1", "1.2", "1.3"]
        assert [seen["1.2"], seen["1.3"]] == [second.entered_ms, third.entered_ms]


async def test_an_append_only_file_brings_everything_back(tmp_path: Path) -> None:
    """Killed with -9 a second after the last change: nothing is lost, the reader goes on."""
    async with real_redis(tmp_path, appendonly=True) as redis, router(redis) as it:
        await it.enqueue("1.1", "net", NET)
        await it.enqueue("1.2", "net", NET)
        await asyncio.sleep(1.2)
        await redis.stop(signal.SIGKILL)
        await redis.start()
        await wait_until(lambda: are_only(it, {"1.1": "waiting", "1.2": "waiting"}), within_s=8)
        with it.waiting("1.1") as line:
            await it.sign_in(agent("anna"))
            assert await line.next_offer(3) is not None
