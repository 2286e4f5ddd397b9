"""Faults provoked on a running hotline, and what its callers heard of them. Used by tests and by bench/faults.py."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

import numpy as np

from ivr.phone.ear import RATE, Pcm
from ivr.phone.hear import Recogniser
from ivr.phone.phone import Phone, PhoneCall, Phones
from tests.support.hotline import Hotline

AGENT_TONE_HZ = 700
FRAME = RATE // 50


@dataclass(frozen=True)
class Survival:
    """What a kill -9 of the controller did to a talk and to waiting callers.

    restart_s  from the kill until a controller was ready again.  entered, served  numbers in order.
    longest_gap_s  silence in the talk's audio from 1 s before the kill to 1 s after the restart.
    """

    restart_s: float
    entered: list[str]
    served: list[str]
    longest_gap_s: float


async def kill_with_callers_waiting(hotline: Hotline, phones: Phones, anna: Phone, callers: int) -> Survival:
    """Kill the controller while `anna` talks and `callers` wait for her; start another; let her serve them all.

    `anna` must be signed in and alone.
    """
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ)
    talk = await to_queue(phones, "+48500000000")
    ringing = await asyncio.wait_for(anna.incoming.get(), 20)
    await ringing.wait_answered()
    entered = [f"+485000000{n:02d}" for n in range(1, callers + 1)]
    waiting = [await to_queue(phones, number) for number in entered]
    await wait_waiting(hotline, callers)
    killed_at, killed = len(talk.heard), time.monotonic()
    await asyncio.to_thread(hotline.kill, "controller")
    await asyncio.to_thread(hotline.start_controller)
    restart_s = time.monotonic() - killed
    await asyncio.sleep(2)
    gap_s = longest_gap_s(talk.heard[max(0, killed_at - RATE) :], AGENT_TONE_HZ)
    anna.auto_answer(0.1, tone_hz=AGENT_TONE_HZ, hang_up_after_s=4)  # longer than any whisper
    await talk.hang_up()
    served = []
    for _ in entered:
        taken = await asyncio.wait_for(anna.incoming.get(), 30)
        served.append(number_of(taken))
    await asyncio.gather(*(call.wait_ended(30) for call in waiting))
    return Survival(restart_s, entered, served, gap_s)


async def to_queue(phones: Phones, number: str) -> PhoneCall:
    """Call 100 and choose `fault`: the caller stands in the queue support a moment later."""
    call = await phones.call("100", from_number=number)
    assert await call.wait_answered(), call.ending
    await call.send_keys("w0.6,1")
    await asyncio.sleep(0.4)
    return call


async def wait_waiting(hotline: Hotline, callers: int, timeout_s: float = 20) -> None:
    """Wait until so many calls stand in line."""
    from ivr.app import router_redis
    from routing.router import Router

    redis = router_redis(hotline.settings)
    router = Router(redis, controller_id="test")
    try:
        async with asyncio.timeout(timeout_s):
            while len((await router.snapshot()).waiting) < callers:
                await asyncio.sleep(0.1)
    finally:
        await router.close()
        await redis.aclose()


def number_of(call: PhoneCall) -> str:
    """Return the caller's number an agent's phone shows."""
    return call.peer.partition("@")[0].rpartition(":")[2]


def longest_gap_s(pcm: Pcm, tone_hz: float) -> float:
    """Return the longest stretch without the tone."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    wave = np.exp(-2j * np.pi * tone_hz * np.arange(FRAME) / RATE)
    present = np.abs(frames @ wave) / FRAME > 200
    gap = longest = 0
    for frame in present:
        gap = 0 if frame else gap + 1
        longest = max(longest, gap)
    return longest * FRAME / RATE


@dataclass(frozen=True)
class Fallback:
    """Seconds until the fallback was heard: of a caller who waited, and of one who called afterwards."""

    waiting_s: float
    new_s: float


async def stop_controller(hotline: Hotline, phones: Phones, recogniser: Recogniser, waiting: PhoneCall) -> Fallback:
    """SIGSTOP the controller with one caller waiting, call once more, measure, let it go on."""
    await heard_after_s(waiting, recogniser, "pl/queue_position 1", 20)
    await asyncio.to_thread(hotline.signal, "controller", signal.SIGSTOP)
    stopped = len(waiting.heard) / RATE
    try:
        dialled = time.monotonic()
        new = await phones.call("100", from_number="+48500000999")
        new_s = await heard_after_s(new, recogniser, "pl/fallback_trouble", 30)
        offset_s = time.monotonic() - dialled - len(new.heard) / RATE
        waiting_s = await heard_after_s(waiting, recogniser, "pl/fallback_trouble", 40, since_s=stopped)
    finally:
        await asyncio.to_thread(hotline.signal, "controller", signal.SIGCONT)
    await asyncio.gather(new.wait_ended(60), waiting.wait_ended(60))
    return Fallback(waiting_s - stopped, new_s + max(0.0, offset_s))


async def heard_after_s(
    call: PhoneCall, recogniser: Recogniser, name: str, timeout_s: float, since_s: float = 0
) -> float:
    """Return when the prompt began, in seconds of the call's audio."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        for piece in await asyncio.to_thread(recogniser.recognise, call.heard):
            if piece.name == name and piece.start_s >= since_s:
                return piece.start_s
        if not call.up:
            break
        await asyncio.sleep(0.3)
    pieces = ", ".join(str(p) for p in recogniser.recognise(call.heard))
    raise AssertionError(f"{name} was not heard within {timeout_s} s, but: {pieces}")
