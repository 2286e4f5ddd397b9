"""A fault is over, and 50 customers want to be told: who was reached, what they say, what is re-opened.

`make bench-restoration` runs it on a hotline of its own, with real phones as the customers: 35 press 1, 10 of one
street press 2, 3 let it ring, 2 are busy; ten others call the hotline meanwhile. Times are those of the phones.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ivr.announce.model import REOPENED, Version
from ivr.announce.store import Announcements
from ivr.db import Database
from ivr.desk.opt_ins import Campaign, OptIns
from ivr.phone.hear import Recogniser
from ivr.phone.phone import Manner, Phone, Phones
from ivr.speech.catalog import load_prompt_set
from tests.support.hotline import Hotline
from tests.support.outage import DISTRICT
from tests.support.ports import free_port

STREET, REST = f"{DISTRICT}/node-17", f"{DISTRICT}/node-3"
RINGS = Manner(answer_after_s=None)
GROUPS = (  # area, key, how many, what their phones do
    (STREET, "2", 10, Manner(0.5)),
    (STREET, "1", 10, Manner(0.5)),
    (REST, "1", 25, Manner(0.5)),
    (REST, "", 3, RINGS),
    (REST, "", 2, Manner(0.2, busy=True)),
)
INBOUND, INBOUND_EVERY_S = 10, 6.0
ENDS_S = 300.0
LOOKED_AT_S = 15.0
VOICE_S = 200.0  # for the voices to speak an announcement, at the worst


@dataclass
class Seen:
    """What the phones saw. calls  from the first ringing to the end, in seconds.  inbound  ms until answered."""

    calls: list[tuple[float, float]] = field(default_factory=list)
    inbound: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def most_at_once(self) -> int:
        return max(sum(b <= began < e for b, e in self.calls) for began, _ in self.calls)

    @property
    def most_a_minute(self) -> int:
        return max(sum(began <= b < began + 60 for b, _ in self.calls) for began, _ in self.calls)

    @property
    def lasted_s(self) -> float:
        return max(e for _, e in self.calls) - min(b for b, _ in self.calls)


def main() -> None:
    """Run it once and print what came of it; status 1 when a figure is not what the phones did."""
    way_out = free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as name:
        hotline = Hotline(
            Path(name), log_level="warning", trunk_to=f"127.0.0.1:{way_out}", callback_pause_s=10, callback_ring_s=6,
            restored_hours="00:00-24:00",
        )  # fmt: skip
        try:
            customers = _customers()
            hotline.cli("setup", timeout_s=300)
            rows = [f"{number},{n},Customer {n},{area},pl,normal" for n, (number, area, *_) in enumerate(customers)]
            (hotline.folder / "customers.csv").write_text(
                "\n".join(("number,account,name,area,language,class", *rows)) + "\n"
            )
            hotline.cli("customers", "import", str(hotline.folder / "customers.csv"))
            hotline.start()
            fine = asyncio.run(measure(hotline, customers, way_out))
        finally:
            hotline.stop()
    sys.exit(not fine)


def _customers() -> list[tuple[str, str, str, Manner]]:
    """Return number, area, key and manner of every customer; those of one street come between the others."""
    groups = [(area, key, manner) for area, key, many, manner in GROUPS for _ in range(many)]
    mixed = [groups[n * 7 % len(groups)] for n in range(len(groups))]
    return [(f"+486019980{n:02}", *each) for n, each in enumerate(mixed)]


async def measure(hotline: Hotline, customers: Sequence[tuple[str, str, str, Manner]], way_out: int) -> bool:
    """Restore the announcement with everybody's phone ready; return whether it went as it should."""
    database = Database(hotline.settings)
    opt_ins, seen = OptIns(database), Seen()
    words = ("announce", "post", "--yes", "--area", DISTRICT, "--service", "internet", "--text-pl", "Awaria na Woli.")
    await asyncio.to_thread(lambda: hotline.cli(*words, timeout_s=VOICE_S))
    outage = (await Announcements(database, hotline.settings.var_dir).newest())[0].announcement_id
    for number, area, *_ in customers:
        await opt_ins.add(outage, number, account="", area=area, language="pl", dnis="100", call_id="bench")
    names = load_prompt_set(hotline.settings).names
    recogniser = await asyncio.to_thread(Recogniser, {name: Path(stem + ".ulaw") for stem, name in names.items()})
    async with Phones(hotline.server, port=way_out) as phones, asyncio.TaskGroup() as group:
        robots = []
        for number, _, key, manner in customers:
            phone = await phones.phone(number)
            phone.behave(manner)
            robots.append(group.create_task(_answer(phone, key, seen)))
        await asyncio.to_thread(lambda: hotline.cli("announce", "restore", outage, timeout_s=VOICE_S))
        callers = group.create_task(_call_in(phones, recogniser, seen))
        async with asyncio.timeout(ENDS_S):
            while (found := await opt_ins.campaign(outage)).due:
                await asyncio.sleep(0.2)
            await callers
            drafts = await _reopened(database, hotline, found.still_out)
        for robot in robots:
            robot.cancel()
    await database.close()
    return show(hotline, found, drafts, seen)


async def _answer(phone: Phone, key: str, seen: Seen) -> None:
    """Take every call to this phone: press the key three seconds into it."""
    while True:
        call = await phone.incoming.get()
        began = time.monotonic()
        if key and await call.wait_answered():
            await call.send_keys(f"w3,{key}")
        await call.wait_ended(60)
        seen.calls.append((began, call.ended_at or time.monotonic()))


async def _call_in(phones: Phones, recogniser: Recogniser, seen: Seen) -> None:
    """Call the hotline again and again while customers are called; who hears its welcome got through."""
    for n in range(INBOUND):
        began = time.monotonic()
        call = await phones.call("100", from_number=f"+4822333000{n}")
        answered = await call.wait_answered()
        took_ms = (time.monotonic() - began) * 1000
        await asyncio.sleep(INBOUND_EVERY_S)
        pieces = await asyncio.to_thread(recogniser.recognise, call.heard)
        if answered and any(piece.name.endswith("/welcome") for piece in pieces):
            seen.inbound.append(took_ms)
        else:
            seen.refused += 1
        await call.hang_up()


async def _reopened(database: Database, hotline: Hotline, no: int) -> list[Version]:
    """Return what was re-opened, as soon as all who say no are counted in it, or when that takes too long."""
    store, ends = Announcements(database, hotline.settings.var_dir), time.monotonic() + LOOKED_AT_S
    while True:
        found = [each for each in await store.newest() if each.source == REOPENED]
        if time.monotonic() > ends or (found and found[0].note.startswith(f"{no} ")):
            return found
        await asyncio.sleep(0.2)


def show(hotline: Hotline, found: Campaign, drafts: Sequence[Version], seen: Seen) -> bool:
    """Print the figures; return whether they are what the phones did."""
    settings = hotline.settings
    limits = settings.restored_per_minute, settings.restored_at_once
    print(f"{found.opted_in} customers want to be told; {limits[0]} calls a minute and {limits[1]} at once allowed")
    print(f"  reached          {found.reached:>4}")
    print(f"    it works       {found.works:>4}")
    print(f"    still out      {found.still_out:>4}")
    missed = ", ".join(f"{name} {n}" for name, n in found.outcomes.items() if name not in ("works", "still_out"))
    print(f"  not reached      {found.no_answer:>4}   {missed}; each called 3 times")
    for draft in drafts:
        print(f"  re-opened              draft {draft.announcement_id} for {draft.target}: {draft.note}")
    print(
        f"  calls placed     {len(seen.calls):>4}   within {seen.lasted_s:.0f} s; most in any minute "
        f"{seen.most_a_minute}, most at once {seen.most_at_once}"
    )
    worst = max(seen.inbound, default=0)
    print(
        f"  callers meanwhile {len(seen.inbound):>3}   of {INBOUND} got through and heard the welcome, "
        f"answered after {worst:.0f} ms at the worst"
    )
    return (
        (found.opted_in, found.reached, found.works, found.still_out, found.no_answer) == (50, 45, 35, 10, 5)
        and [draft.target.areas for draft in drafts] == [(STREET,)]
        and seen.most_a_minute <= limits[0]
        and seen.most_at_once <= limits[1]
        and len(seen.calls) == 45 + 5 * 3
        and len(seen.inbound) == INBOUND
    )


if __name__ == "__main__":
    main()
