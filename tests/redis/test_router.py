"""Router on a real Redis: the life of calls and agents as the controller sees it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from routing.errors import BadArgument, RouterUnavailable, UnknownAgent
from routing.model import AgentProfile, Need, Offer, Placement, Policy
from routing.router import Router
from tests.support.redis import RealRedis, real_redis

NET = Need("internet")
QUICK = Policy(back_off_s={"reject": 0.2, "busy": 0.2, "no_answer": 0.2, "unreachable": 0.2}, dead_after_s=0.4,
               lost_after_s=0.5, ring_margin_s=0.2, beat_s=0.1, sweep_s=0.05)


def agent(name: str, level: int = 3, *, wrap_up_s: float = 0, ring_s: float = 20) -> AgentProfile:
    return AgentProfile(name, f"phone-{name}", {"internet": level}, ring_s, wrap_up_s, name.upper(), "pl")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RealRedis]:
    async with real_redis(tmp_path) as server:
        yield server


@contextlib.asynccontextmanager
async def router(redis: RealRedis, name: str = "k1", *, policy: Policy = QUICK, runs: bool = True,
                 ) -> AsyncIterator[Router]:
    """A started router; `runs` with heartbeat, sweep and reader. Ends as if killed: it does not leave."""
    async with contextlib.aclosing(redis.client()) as client:
        it = Router(client, controller_id=name, policy=policy)
        await it.start()
        running = asyncio.create_task(it.run()) if runs else None
        try:
            yield it
        finally:
            if running:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
            await it._client.aclose()
            await it._reader.aclose()


async def states(it: Router) -> dict[str, str]:
    """All agents and calls with their states."""
    seen = await it.snapshot()
    return {a.agent_id: a.state for a in seen.agents} | {c.call_id: c.state for c in seen.calls}


async def wait_until(what: Callable[[], Awaitable[bool]], *, within_s: float = 5) -> None:
    """Wait until `what` answers true, asked every 20 ms."""
    ends = time.monotonic() + within_s
    while not await what():
        assert time.monotonic() < ends, "it did not come"
        await asyncio.sleep(0.02)


async def test_a_call_is_offered_at_once_answered_and_wrapped_up(redis: RealRedis) -> None:
    """From enqueue to the end of wrap-up, which comes by itself."""
    async with router(redis) as it:
        await it.sign_in(agent("anna", wrap_up_s=0.3))
        placement = await it.enqueue("1.1", "net", NET)

        assert placement is not None
        assert placement.position is None
        assert placement.agents_in == 1
        offer = placement.offer
        assert offer is not None
        assert (offer.agent_id, offer.endpoint, offer.name, offer.language) == ("anna", "phone-anna", "ANNA", "pl")
        assert offer.reason.startswith("longest idle of 1 ready agent with internet >= 1 (idle 0 s)")
        assert await states(it) == {"anna": "ringing", "1.1": "offered"}
        assert await it.accept(offer)
        assert await it.accept(offer), "accepting again is no error"
        assert await states(it) == {"anna": "talking", "1.1": "bridged"}
        await it.complete("1.1")
        assert await states(it) == {"anna": "wrap_up"}
        await wait_until(lambda: _is(it, "anna", "ready"))


async def _is(it: Router, name: str, state: str) -> bool:
    return (await states(it)).get(name) == state


async def test_a_freed_agent_gets_the_first_in_line_within_milliseconds(redis: RealRedis) -> None:
    """The offer reaches the waiting session without polling; priority goes first, then entry time."""
    async with router(redis) as it:
        await it.sign_in(agent("anna"))
        first = await it.enqueue("1.1", "net", NET)
        await it.enqueue("1.2", "net", NET)
        vip = await it.enqueue("1.3", "net", NET, priority=1)

        assert first is not None
        assert first.offer is not None
        assert vip is not None
        assert vip.position == 1
        assert (await it.position("1.2")).position == 2  # type: ignore[union-attr]
        await it.accept(first.offer)
        with it.waiting("1.3") as line, it.waiting("1.2") as other:
            asked = asyncio.create_task(line.next_offer(2))
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await it.complete("1.1")
            offer = await asked

            assert offer is not None
            assert offer.call_id == "1.3"
            assert time.monotonic() - began < 0.25
            assert await other.next_offer(0.05) is None


async def test_an_offer_made_before_the_session_listens_is_not_lost(redis: RealRedis) -> None:
    """A spoken position may delay the session; the offer waits, and one put back comes again."""
    async with router(redis) as it:
        await it.enqueue("1.1", "net", NET)
        await it.sign_in(agent("anna"))
        await asyncio.sleep(0.1)
        with it.waiting("1.1") as line:
            assert line.offered.is_set()
            offer = await line.next_offer(1)
            assert offer is not None
            line.put_back(offer)
            again = await line.next_offer(None)
            assert again is not None
            assert again.token == offer.token
        assert "first of 1 waiting for internet >= 1" in offer.reason


async def test_a_refusing_agent_is_passed_over_and_the_call_keeps_its_place(redis: RealRedis) -> None:
    """Next agent at once; then, in line, still before the younger call; the agent is paused after three in a row."""
    policy = Policy(back_off_s={"reject": 60, "busy": 60, "no_answer": 60, "unreachable": 60})
    async with router(redis, policy=policy) as it:
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        one = await it.enqueue("1.1", "net", NET)
        assert one is not None
        assert one.offer is not None
        assert one.offer.agent_id == "anna"
        two = await it.refuse(one.offer, "no_answer")
        assert two.offer is not None
        assert two.offer.agent_id == "bob"
        await it.enqueue("1.2", "net", NET)
        three = await it.refuse(two.offer, "busy")

        assert (three.position, three.offer, three.entered_ms) == (1, None, one.entered_ms)
        assert not await it.accept(two.offer), "an old token changes nothing"
        again = await it.refuse(two.offer, "busy")
        assert again.position == 1
        assert await states(it) == {"anna": "back_off", "bob": "back_off", "1.1": "waiting", "1.2": "waiting"}


async def test_who_did_not_take_a_call_is_tried_after_all_others(redis: RealRedis) -> None:
    """Anna is ready again and idle longest, but cleo was not asked yet; then the one asked longest ago."""
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        placement = await it.enqueue("1.1", "net", NET)
        tried = [_agent(placement)]
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))
        await it.end_wrap_up("anna")
        await it.sign_in(agent("cleo"))
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))
        await it.end_wrap_up("bob")
        await it.pause("anna")
        await asyncio.sleep(0.01)
        await it.unpause("anna")
        placement = await it.refuse(_offer(placement), "reject")
        tried.append(_agent(placement))

        assert tried == ["anna", "bob", "cleo", "anna"], "anna before bob, who is idle longer"


def _offer(placement: Placement | None) -> Offer:
    assert placement is not None
    assert placement.offer is not None
    return placement.offer


def _agent(placement: Placement | None) -> str:
    return _offer(placement).agent_id


async def test_three_unanswered_in_a_row_pause_the_agent(redis: RealRedis) -> None:
    """He is shown as paused with the cause; unpausing lets him in again."""
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        for _ in range(3):
            if placement is None or placement.offer is None:
                await it.end_wrap_up("anna")
                placement = await it.enqueue("1.1", "net", NET)
            assert placement is not None
            assert placement.offer is not None
            placement = await it.refuse(placement.offer, "no_answer")

        view = (await it.snapshot()).agents[0]
        assert (view.status, view.reason) == ("paused", "auto: no_answer")
        assert placement is not None
        assert placement.agents_in == 0
        await it.end_wrap_up("anna")
        assert not await it.toggle_pause("anna")
        assert await states(it) == {"anna": "reserved", "1.1": "offered"}


async def test_a_call_nobody_can_serve_does_not_block_the_next(redis: RealRedis) -> None:
    """An absent skill never matches; the call behind gets its agent."""
    async with router(redis) as it:
        nobody = await it.enqueue("1.1", "tv", Need("tv"))
        await it.sign_in(agent("anna", 2))
        high = await it.enqueue("1.2", "net", Need("internet", 3))
        served = await it.enqueue("1.3", "net", Need("internet", 2))

        assert nobody is not None
        assert (nobody.position, nobody.agents_in) == (1, 0)
        assert high is not None
        assert (high.position, high.agents_in) == (1, 0)
        assert served is not None
        assert served.offer is not None


async def test_a_full_queue_takes_no_call_but_keeps_those_it_has(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.enqueue("1.1", "net", NET, max_len=1)

        assert await it.enqueue("1.2", "net", NET, max_len=1) is None
        assert await it.enqueue("1.1", "net", NET, max_len=1) is not None
        await it.sign_in(agent("anna"))
        await it.sign_in(agent("bob"))
        assert await it.enqueue("1.3", "net", NET, max_len=0) is not None, "an agent is free"


async def test_pause_and_sign_out_spare_the_talk(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        placement = await it.enqueue("1.1", "net", NET)
        assert placement is not None
        assert placement.offer is not None
        await it.pause("anna", "lunch")
        await it.sign_out("anna")
        assert await it.accept(placement.offer)
        assert await states(it) == {"anna": "talking", "1.1": "bridged"}
        await it.complete("1.1")
        assert await states(it) == {}
        with pytest.raises(UnknownAgent):
            await it.pause("anna", "lunch")


async def test_hanging_up_while_ringing_frees_the_agent_for_the_next(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        await it.sign_in(agent("anna"))
        first = await it.enqueue("1.1", "net", NET)
        await it.enqueue("1.2", "net", NET)
        await it.abandon("1.1")

        assert first is not None
        assert first.offer is not None
        assert not await it.accept(first.offer)
        assert await states(it) == {"anna": "reserved", "1.2": "offered"}
        assert await it.position("1.1") is None


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
        await wait_until(lambda: _is(heir, "bob", "ready"))
        assert await states(heir) == {"anna": "talking", "1.1": "bridged", "bob": "ready", "1.2": "detached",
                                      "1.3": "detached"}
        back = await heir.enqueue("1.3", "net", NET)
        assert back is not None
        assert back.offer is not None
        assert back.offer.agent_id == "bob"
        await wait_until(lambda: _gone(heir, "1.2"))
        assert await states(heir) == {"anna": "talking", "1.1": "bridged", "bob": "ringing", "1.3": "offered"}
        await heir.complete("1.1")
        assert (await states(heir))["anna"] == "ready"


async def _gone(it: Router, name: str) -> bool:
    return name not in await states(it)


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


async def test_wrong_names_and_numbers_are_refused_before_redis_hears_of_them(redis: RealRedis) -> None:
    async with router(redis, runs=False) as it:
        for level in (0, 11, True, 1.5):
            with pytest.raises(BadArgument, match="level"):
                Need("internet", level)  # type: ignore[arg-type]
        for skill in ("", "Internet", "a=b", "a b", "a>=1@9"):
            with pytest.raises(BadArgument, match="skill"):
                Need(skill)
        with pytest.raises(BadArgument, match="call_id"):
            await it.enqueue("1 1", "net", NET)
        with pytest.raises(BadArgument, match="priority"):
            await it.enqueue("1.1", "net", NET, priority=10**9)
        with pytest.raises(BadArgument, match="expected one of reject, busy, no_answer, unreachable"):
            await it.refuse(None, "tired")  # type: ignore[arg-type]
        assert await states(it) == {}


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
        await wait_until(lambda: _only(it, {"anna": "ready"}), within_s=8)


async def _only(it: Router, expected: dict[str, str]) -> bool:
    try:
        return await states(it) == expected
    except RouterUnavailable:
        return False


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
        await wait_until(lambda: _only(it, {"1.1": "waiting", "1.2": "waiting"}), within_s=8)
        with it.waiting("1.1") as line:
            await it.sign_in(agent("anna"))
            assert await line.next_offer(3) is not None
