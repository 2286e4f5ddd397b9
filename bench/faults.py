"""kill -9 and SIGSTOP of the controller under callers, and the way from `announce post` to the first caller.

`make bench-faults` runs it on a hotline of its own, with real phones; figures come from the audio they received.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.phone.hear import Recogniser
from ivr.phone.phone import Phones
from ivr.speech.catalog import load_prompt_set
from tests.support.faults import kill_with_callers_waiting, stop_controller, to_queue, wait_waiting
from tests.support.hotline import Hotline
from tests.support.outage import DISTRICT, post

CALLERS = 20
TRIES = 20
CALLER = "+48221110001"


def main() -> None:
    """Run all three measurements and print them."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        hotline = Hotline(Path(name), log_level="warning")
        try:
            hotline.cli("setup", timeout_s=300)
            (hotline.folder / "customers.csv").write_text(
                f"number,account,name,area,language,class\n{CALLER},1,Caller,{DISTRICT}/node-17,pl,normal\n"
            )
            hotline.cli("customers", "import", str(hotline.folder / "customers.csv"))
            hotline.start()
            hotline.cli(
                "agent", "add", "anna", "--skill", "internet:5", "--pin", "4711", "--ring", "8", "--wrap-up", "0"
            )
            asyncio.run(measure(hotline))
        finally:
            hotline.stop()


async def measure(hotline: Hotline) -> None:
    """Measure one after the other."""
    database = Database(hotline.settings)
    agent = (await Agents(database).list())[0]
    await database.close()
    names = load_prompt_set(hotline.settings).names
    recogniser = await asyncio.to_thread(Recogniser, {name: Path(stem + ".ulaw") for stem, name in names.items()})
    async with Phones(hotline.server) as phones:
        anna = await phones.phone(agent.endpoint, agent.sip_password)
        await asyncio.to_thread(hotline.cli, "agent", "in", "anna")
        survival = await kill_with_callers_waiting(hotline, phones, anna, CALLERS)
        print(
            f"kill -9 with {CALLERS} waiting: {len(survival.served)} got their agent, in their old order: "
            f"{survival.served == survival.entered}; controller back after {survival.restart_s:.2f} s; "
            f"longest gap in the talk's audio {survival.longest_gap_s * 1000:.0f} ms"
        )
        anna.auto_answer(0.1, tone_hz=700)
        talk = await to_queue(phones, "+48500000000")
        waiting = await to_queue(phones, "+48500000001")
        await wait_waiting(hotline, 1)
        fallback = await stop_controller(hotline, phones, recogniser, waiting)
        await talk.hang_up()
        print(
            f"SIGSTOP: fallback heard by a new caller after {fallback.new_s:.1f} s, by a waiting one after "
            f"{fallback.waiting_s:.1f} s"
        )
    await announce_speed(hotline)


async def announce_speed(hotline: Hotline) -> None:
    """Post, call at once, see whether that very call heard it; TRIES times."""
    times = []
    for _ in range(TRIES):
        outage = await asyncio.to_thread(post, hotline)
        returned = time.monotonic()
        times.append(await first_call_s(hotline, outage.clips["pl"][0], returned))
        await asyncio.to_thread(hotline.cli, "announce", "end", outage.id)
    print(
        f"announce post -> first call that hears it: {TRIES} tries, call placed within {max(times):.2f} s at worst "
        f"(median {sorted(times)[TRIES // 2]:.2f} s) after the command's return"
    )


async def first_call_s(hotline: Hotline, clip: str, returned: float) -> float:
    """Call until a call hears the clip; return when that call was placed, in seconds after the command returned."""
    recogniser = Recogniser({"clip": Path(clip + ".ulaw")})
    async with Phones(hotline.server) as phones:
        while True:
            placed = time.monotonic() - returned
            call = await phones.call("100", from_number=CALLER)
            await call.wait_answered()
            await asyncio.sleep(5)
            heard = any(piece.name == "clip" for piece in await asyncio.to_thread(recogniser.recognise, call.heard))
            await call.hang_up()
            if heard:
                return placed


if __name__ == "__main__":
    main()
