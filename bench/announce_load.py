"""600 announcement calls at 40 a second, beside the same calls served by a plain dialplan Playback.

`make bench` runs it: a hotline of its own on free ports, SIPp as the callers, arms in turn, so that a noisy
machine disturbs both alike. CPU is the processes' own accounting, the phones' side is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from ivr import asterisk
from ivr.sound import Prompt
from ivr.speech.catalog import load_prompt_set
from tests.support.hotline import Hotline
from tests.support.outage import DISTRICT, Outage, post
from tests.support.sipp import Stats, call

PLAIN = "198"


@dataclass(frozen=True)
class Round:
    """One arm once. asterisk_ms, controller_ms  CPU per call."""

    stats: Stats
    asterisk_ms: float
    controller_ms: float


def main() -> None:
    """Run the rounds and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--calls", type=int, default=600)
    arguments.add_argument("--rate", type=float, default=40)
    arguments.add_argument("--rounds", type=int, default=2)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        hotline = Hotline(Path(name), log_level="warning", rtp_start=40000, rtp_end=45999)
        try:
            asyncio.run(measure(hotline, chosen.calls, chosen.rate, chosen.rounds))
        finally:
            hotline.stop()


async def measure(hotline: Hotline, calls: int, rate: float, rounds: int) -> None:
    """Start the hotline, publish an outage for all callers' district, run both arms in turn."""
    numbers = [f"+4822{n:07d}" for n in range(calls)]
    seconds = await asyncio.to_thread(prepare, hotline, numbers)
    print(f"{calls} calls at {rate:g} a second, {seconds:.1f} s of audio each, {rounds} rounds of both arms in turn")
    arms: dict[str, list[Round]] = {"hotline": [], "plain Playback": []}
    for _ in range(rounds):
        for arm, number in (("plain Playback", PLAIN), ("hotline", "100")):
            arms[arm].append(await one_round(hotline, number, numbers, calls, rate))
    report(arms)


def prepare(hotline: Hotline, numbers: list[str]) -> float:
    """Set up and start; return the seconds of audio a caller of either arm hears."""
    hotline.cli("setup", timeout_s=300)
    rows = [f"{n},{i},Caller {i},{DISTRICT}/node-17,pl,normal" for i, n in enumerate(numbers, 1)]
    (hotline.folder / "customers.csv").write_text("\n".join(["number,account,name,area,language,class", *rows]) + "\n")
    hotline.cli("customers", "import", str(hotline.folder / "customers.csv"))
    hotline.start()
    outage = post(hotline)
    return add_plain(hotline, outage)


def add_plain(hotline: Hotline, outage: Outage) -> float:
    """Give Asterisk a number that plays the same files by dialplan alone."""
    prompts = load_prompt_set(hotline.settings)
    stems = [
        *prompts.files(Prompt("welcome"), "pl"),
        outage.clips["pl"][0],
        *prompts.files(Prompt("goodbye_announcement"), "pl"),
    ]
    extensions = hotline.settings.var_dir / "asterisk/etc/extensions.conf"
    with extensions.open("a") as file:
        file.write(
            f"\n[from-trunk](+)\nexten => {PLAIN},1,Answer(,i)\n same => n,Playback({'&'.join(stems)})\n"
            " same => n,Hangup()\n"
        )
    asterisk.reload_dialplan(hotline.settings)
    return sum(prompts.seconds(stem) for stem in stems)


async def one_round(hotline: Hotline, number: str, numbers: list[str], calls: int, rate: float) -> Round:
    """Run one arm and account the CPU of both processes to it."""
    watched = {name: psutil.Process(hotline.processes[name].pid) for name in ("asterisk", "controller")}
    before = {name: cpu_s(process) for name, process in watched.items()}
    stats = await call(
        hotline.server, number, calls=calls, rate=rate, talk_ms=None, from_numbers=numbers, timeout_s=120
    )
    await asyncio.sleep(2)
    used = {name: 1000 * (cpu_s(process) - before[name]) / calls for name, process in watched.items()}
    return Round(stats, used["asterisk"], used["controller"])


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def report(arms: dict[str, list[Round]]) -> None:
    """Print medians per arm and their ratio."""
    print(
        f"{'arm':16} {'calls':>6} {'failed':>6} {'resent':>6} {'answer p50':>11} {'p99':>8} "
        f"{'Asterisk CPU':>13} {'controller CPU':>15}"
    )
    middle: dict[str, float] = {}
    for arm, rounds in arms.items():
        asterisk_ms = statistics.median(r.asterisk_ms for r in rounds)
        controller_ms = statistics.median(r.controller_ms for r in rounds)
        middle[arm] = asterisk_ms + (controller_ms if arm == "hotline" else 0)
        answer = [statistics.median(r.stats.answer_percentile(p) for r in rounds) for p in (0.5, 0.99)]
        print(
            f"{arm:16} {sum(r.stats.created for r in rounds):6} {sum(r.stats.failed for r in rounds):6} "
            f"{sum(r.stats.retransmissions for r in rounds):6} {answer[0]:8.1f} ms {answer[1]:5.1f} ms "
            f"{asterisk_ms:7.2f} ms/call {controller_ms:9.2f} ms/call"
        )
    print(f"CPU of a hotline call against plain Playback: {middle['hotline'] / middle['plain Playback']:.2f}")


if __name__ == "__main__":
    main()
