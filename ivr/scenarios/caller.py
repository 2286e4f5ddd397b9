"""One scenario as a real call: a phone that listens, presses what the caller presses, and what it heard and recorded.

Called by `real.py`. Keys are pressed by what is heard, not by the clock: a busy machine speaks later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from ivr.flow.scenario import Scenario
from ivr.flow.scenario_keys import ANNOUNCEMENT
from ivr.flow.scenario_run import Failure, Happened, failures
from ivr.flow.trial import HANG_UP, Line
from ivr.phone.ear import RATE
from ivr.phone.hear import Recogniser
from ivr.phone.phonecall import PhoneCall
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.record.store import Records
from ivr.scenarios.plan import Part, Press, text_of
from ivr.scenarios.private import Private

LOOK_S = 0.4
TAIL_S = 2.0
ANSWER_S = 20.0
PATIENCE_S = 20.0  # beyond twice the time a trial takes, what should be heard is not waited for any more
IN_QUEUE_S = 4.0  # he waits so long before he presses a key there
CALL_S = 150.0  # no call of a scenario lasts longer
RECORD_S = 10.0


@dataclass(frozen=True)
class Called:
    """A real call that is over. heard  in order, with times."""

    part: Part
    call: PhoneCall
    failures: tuple[Failure, ...]
    seconds: float


class Caller:
    """Places the call of one scenario. joined  prompts that are played as several."""

    def __init__(self, private: Private, part: Part, recogniser: Recogniser, joined: Mapping[str, tuple[str, ...]]):
        self.private, self.part, self.recogniser, self.joined = private, part, recogniser, joined
        self.scenario = part.scenario
        self.seen: list[tuple[str, float]] = []
        self.last_press_s = 0.0

    async def run(self) -> Called:
        """Call, behave, listen to the end; return what did not come as the scenario says."""
        number = self.private.callers[self.scenario.name] if self.scenario.situation.caller else ""
        call = await self.private.phones.call(self.scenario.number.number, from_number=number)
        try:
            wrong: tuple[Failure, ...] = ()
            if await call.wait_answered(ANSWER_S):
                async with asyncio.timeout(CALL_S):
                    await self._behave(call)
                    await call.wait_ended(CALL_S)
            else:
                wrong = (Failure(self.scenario.finding("number", "the hotline did not answer")),)
        except TimeoutError:
            wrong = (Failure(self.scenario.finding("ends", f"the call was still up after {CALL_S:.0f} s")),)
        finally:
            await call.hang_up()
        happened = await self._happened(call, number)
        if happened is None:
            wrong = (*wrong, Failure(self.scenario.finding("number", "no record of the call was written")))
        else:
            wrong = (*wrong, *failures(self._expected(), happened))
        return Called(self.part, call, wrong, call.talk_s)

    # -- while it is up

    async def _behave(self, call: PhoneCall) -> None:
        for press in self.part.presses:
            await self._wait_until(call, press)
            if not call.up:
                return
            if press.key == HANG_UP:
                await call.hang_up()
                return
            await call.send_keys(press.key)
            self.seen.clear()
            self.last_press_s = _audio_s(call)
            if self.part.alone and press.waiting:
                await self.private.release()

    async def _wait_until(self, call: PhoneCall, press: Press) -> None:
        """Return when it is time for `press`: what he waits for is heard, or should have been long ago."""
        if not press.heard and not press.waiting:
            return
        wanted = self._first(press.heard)
        ends_s = _audio_s(call) + 2 * self._gap_s() + PATIENCE_S
        began_s = None if press.heard else self.last_press_s
        while call.up and began_s is None and _audio_s(call) < ends_s:
            await self._listen(call)
            times = [at_s for name, at_s in self.seen if name == wanted]
            began_s = times[press.nth - 1] if len(times) >= press.nth else None
        due_s = (began_s if began_s is not None else _audio_s(call)) + press.after_s
        due_s += IN_QUEUE_S if press.waiting else 0.0
        while call.up and _audio_s(call) < due_s:
            await asyncio.sleep(0.05)

    def _first(self, prompt: str) -> str:
        """Return what is heard first of a prompt that is played as several: a key may stop the rest."""
        return self.joined.get(prompt, (prompt,))[0]

    def _gap_s(self) -> float:
        """Return the longest time between two things the caller does, as a trial takes it."""
        times = [0.0, *(line.at_s for line in self.part.transcript.lines if line.what in ("caller", "waits"))]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    async def _listen(self, call: PhoneCall) -> None:
        """Note the prompt that is heard now, when it is another one."""
        await asyncio.sleep(LOOK_S)
        heard = call.heard
        least = max(0, int(self.last_press_s * RATE), len(heard) - int(TAIL_S * RATE))
        tail = heard[least:]
        if len(tail) < RATE // 2:
            return
        for found in await asyncio.to_thread(self.recogniser.prompts, tail):
            for name in (plain(found.name), *map(plain, found.also)):
                if not self.seen or self.seen[-1][0] != name:
                    self.seen.append((name, least / RATE + found.start_s))

    # -- afterwards

    def _expected(self) -> Scenario:
        """Return the scenario as a recogniser can hold it against audio."""

        def heard(names: tuple[str, ...]) -> tuple[str, ...]:
            texts = set(map(text_of, self.scenario.situation.known))
            found = (ANNOUNCEMENT if name in texts else name for name in names if " " not in name or name in texts)
            return tuple(self._first(name) for name in found)

        hears, not_hears = heard(self.scenario.hears), heard(self.scenario.not_hears)
        return replace(self.scenario, hears=hears, not_hears=not_hears, variables={})

    async def _happened(self, call: PhoneCall, number: str) -> Happened | None:
        heard = await asyncio.to_thread(self.recogniser.prompts, call.heard)
        wanted = set(self._expected().hears)
        lines = []
        for each in heard:
            names = [plain(each.name), *map(plain, each.also)]
            name = next((name for name in names if name in wanted), names[0])
            lines.append(Line(each.start_s, "says", "" if each.complete else "cut off", name))
        records = Records(self.private.database)
        record = await self._record(records, number)
        if record is None:
            return None
        _, entries = await records.show(record.call_id)
        visited = tuple(
            (entry.at_ms / 1000, str(entry.detail.get("flow") or record.flow), entry.step)
            for entry in entries
            if entry.event == t.ENTERED
        )
        answered_in = record.queue if any(entry.event == t.ANSWERED for entry in entries) else ""
        return Happened(tuple(lines), visited, record.disposition, answered_in, {}, call.talk_s)

    async def _record(self, records: Records, number: str) -> CallRecord | None:
        """Return the record once it is closed."""
        for _ in range(int(RECORD_S / 0.25)):
            found = await records.list(last=200)
            mine = [each for each in found if each.ani == number and each.disposition]
            if mine:
                return mine[0]
            await asyncio.sleep(0.25)
        return None


def plain(name: str) -> str:
    """Return what scenarios call a recognised prompt: without its language and number."""
    key = name.partition("/")[2] or name
    return key.partition(" ")[0]


def _audio_s(call: PhoneCall) -> float:
    return len(call.heard) / RATE
