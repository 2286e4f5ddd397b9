"""The demo: an outage in one district, four callers with real phones, two robot agents, everything measured by ear.

Ewa lives in the district: she hears the announcement and the call ends. Piotr lives elsewhere and presses 1 for a
fault, an unknown caller presses 0: both talk to an agent. Marta finds both agents busy and hangs up in the queue.
What each of them heard is read from the received audio. Called by `ivr demo`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ivr.phone.board import Board, Row
from ivr.phone.ear import tone
from ivr.phone.hear import Heard, Recogniser
from ivr.phone.phone import Phones
from ivr.phone.phonecall import PhoneCall
from ivr.phone.place import listen, prompt_files, server_of
from ivr.phone.robot import Robot, Temper
from ivr.phone.stage import CUSTOMERS, Stage, answers, stage, start_hotline
from ivr.settings import Settings

NUMBER = "100"
STORY_S = 90.0
STEP_S = 20.0  # every single thing waited for in the story happens within this, or the story has failed
TALK_S = 4.0
IN_QUEUE_S = 4.0
AGENT_HZ = (500, 620)
CALLER_HZ = {"Piotr": 700, "unknown": 800}
UNKNOWN = "+48225550199"


@dataclass
class Part:
    """One caller's part. wrong  what did not happen as it should, empty when all did."""

    who: str
    number: str
    call: PhoneCall
    hears: str = ""
    ever_heard: set[str] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    file: Path | None = None

    def hears_like(self, *parts: str) -> bool:
        """Has he heard, up to now, something whose name holds one of `parts`?"""
        return any(part in name for name in self.ever_heard for part in parts)


class Story:
    """The calls of one demo."""

    def __init__(self, phones: Phones, robots: list[Robot], recogniser: Recogniser, board: Board, folder: Path) -> None:
        self.phones, self.robots, self.recogniser, self.board, self.folder = phones, robots, recogniser, board, folder
        self.parts: list[Part] = []
        self.marta_gone = asyncio.Event()

    async def run(self) -> None:
        """Play it. What goes wrong is noted in the part it concerns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._play("Ewa", CUSTOMERS[0][0], self._ewa))
            tasks.create_task(self._play("Piotr", CUSTOMERS[1][0], lambda part: self._talks(part, "1")))
            tasks.create_task(self._play("unknown", UNKNOWN, lambda part: self._talks(part, "0")))
            tasks.create_task(self._marta_calls())

    async def _play(self, who: str, number: str, act: Callable[[Part], Awaitable[None]]) -> None:
        self.board.add(Row(who, number, "calls"))
        call = await self.phones.call(NUMBER, from_number=number)
        part = Part(who, number, call)
        self.parts.append(part)
        listening = asyncio.create_task(listen(call, self.recogniser, lambda name: self._hears(part, name)))
        try:
            if await call.wait_answered():
                self.board.show(who, state="connected")
                await act(part)
            else:
                part.wrong.append("the hotline did not answer")
        except TimeoutError as error:
            part.wrong.append(str(error) or "waited too long")
        finally:
            await call.hang_up()
            await listening
            self.board.show(who, state="over: " + how_it_ended(call), hears="")
            await asyncio.to_thread(self._look_back, part)

    def _hears(self, part: Part, name: str) -> None:
        part.hears = name
        part.ever_heard.add(name)
        self.board.show(part.who, hears=name)

    def _look_back(self, part: Part) -> None:
        part.heard = self.recogniser.recognise(part.call.heard)
        part.ever_heard |= {heard.name for heard in part.heard}
        part.file = self.folder / f"{part.who.lower()}.wav"
        part.call.save(part.file)

    # -- the parts

    async def _ewa(self, part: Part) -> None:
        ending = await part.call.wait_ended(STEP_S * 2)
        if ending.by != "far":
            part.wrong.append("the hotline did not end the call")

    async def _talks(self, part: Part, key: str) -> None:
        await self._choose(part, key)
        robot = await self._answered_by(part)
        self.board.show(part.who, state=f"talks to {robot.name}")
        part.call.say(tone(CALLER_HZ[part.who]), loop=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.marta_gone.wait(), STEP_S * 2)
        await asyncio.sleep(TALK_S)
        agent_heard = {h.name for h in self.recogniser.recognise(robot.calls[-1].heard)}
        if not is_tone(agent_heard, [CALLER_HZ[part.who]]):
            part.wrong.append(f"{robot.name} did not hear the caller")
        await robot.hang_up()
        await part.call.wait_ended(STEP_S)

    async def _marta_calls(self) -> None:
        try:
            await wait_until(lambda: all(robot.talking_to for robot in self.robots), STEP_S * 2, "agents busy")
            await self._play("Marta", CUSTOMERS[2][0], self._marta)
        except TimeoutError:
            self.board.say("Marta did not call: the agents never became busy")
        finally:
            self.marta_gone.set()

    async def _marta(self, part: Part) -> None:
        await self._choose(part, "1")
        await wait_until(lambda: part.hears_like("queue_position"), STEP_S, "no position in the queue was said")
        self.board.show(part.who, state="waits in the queue")
        await asyncio.sleep(IN_QUEUE_S)
        self.board.show(part.who, state="gives up")

    async def _choose(self, part: Part, key: str) -> None:
        """Press `key` when the menu is heard, as a person does."""
        await wait_until(lambda: part.hears_like("main_menu"), STEP_S, "the menu was not heard")
        self.board.show(part.who, state=f"presses {key}")
        await part.call.send_keys(key)

    async def _answered_by(self, part: Part) -> Robot:
        def found() -> Robot | None:
            return next((r for r in self.robots if r.talking_to and part.number in r.talking_to.peer), None)

        await wait_until(lambda: found() is not None, STEP_S, "no agent answered")
        robot = found()
        assert robot
        return robot


async def wait_until(ready: Callable[[], object], seconds: float, else_: str) -> None:
    """Look every 50 ms until `ready()`. Raises TimeoutError saying `else_`."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while not ready():
        if loop.time() > ends:
            raise TimeoutError(else_)
        await asyncio.sleep(0.05)


def is_tone(names: Iterable[str], wanted: Iterable[int]) -> bool:
    """Is one of the tones `wanted` (Hz, give or take 4) among labels?"""
    heard = [int(name.split()[1]) for name in names if name.startswith("tone ")]
    return any(abs(hz - want) <= 4 for hz in heard for want in wanted)


def how_it_ended(call: PhoneCall) -> str:
    """Tell in words how a call ended."""
    if call.ending is None:
        return "still up"
    if call.answered_at is None:
        return f"refused {call.ending.status or ''} {call.ending.reason}".strip()
    return "the hotline hung up" if call.ending.by == "far" else "the caller hung up"


def judge(parts: list[Part]) -> None:
    """Note in each part what he should have heard and did not."""
    expected: dict[str, tuple[str, ...]] = {
        "Ewa": ("/announcement", "goodbye_announcement"),
        "Piotr": ("main_menu", "connecting"),
        "unknown": ("main_menu", "connecting"),
        "Marta": ("main_menu", "queue_position"),
    }
    for part in parts:
        part.wrong += [f"never heard {name.strip('/')}" for name in expected[part.who] if not part.hears_like(name)]
        if part.who in CALLER_HZ and not is_tone(part.ever_heard, AGENT_HZ):
            part.wrong.append("did not hear the agent")
        if part.who in ("Ewa", "Marta") and is_tone(part.ever_heard, AGENT_HZ):
            part.wrong.append("reached an agent")
        if part.who != "Ewa" and part.hears_like("/announcement"):
            part.wrong.append("heard the announcement of another district")


def summary(console: Console, parts: list[Part]) -> None:
    """Print what every caller heard and how it ended."""
    for part in parts:
        ended = f"{how_it_ended(part.call)} after {part.call.talk_s:.1f} s"
        console.print(f"\n{part.who} {part.number}: {ended}", highlight=False)
        for heard in part.heard:
            if heard.name != "silence":
                console.print(f"  {heard}", highlight=False, markup=False)
        console.print(f"  saved {part.file}", highlight=False, markup=False, soft_wrap=True)
        for wrong in part.wrong:
            console.print(f"  NOT AS IT SHOULD BE: {wrong}", highlight=False, markup=False)


async def show(settings: Settings, console: Console) -> bool:
    """Run the demo, starting a hotline when none answers. Returns whether every part ended as it should.

    SIGTERM cancels it, as Ctrl-C does: whatever was put up is taken down first.
    """
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    board = Board(console)
    _, server = server_of(settings)
    async with contextlib.AsyncExitStack() as stack:
        if not await answers(server):
            await stack.enter_async_context(start_hotline(settings, board.say))
            board.say("the hotline is ready")
        built = await stack.enter_async_context(stage(settings, board.say))
        board.say(_published(built))
        parts = await asyncio.wait_for(_perform(settings, built, board), STORY_S)
    judge(parts)
    summary(console, parts)
    fine = len(parts) == len(CUSTOMERS) + 1 and not any(part.wrong for part in parts)
    console.print(f"\n{'everything ended as it should' if fine else 'the story did not end as it should'}")
    return fine


def _published(built: Stage) -> str:
    assert built.announcement
    after = f"on the phones after {built.heard_after_s:.2f} s" if built.heard_after_s else "published"
    return f"announcement {built.announcement.announcement_id} for {built.announcement.target}: {after}"


async def _perform(settings: Settings, built: Stage, board: Board) -> list[Part]:
    files = {**prompt_files(settings), **built.clips()}
    recogniser = await asyncio.to_thread(Recogniser, files)
    host, server = server_of(settings)
    async with Phones(server, host=host) as phones:
        robots = await _robots(phones, built, board)
        story = Story(phones, robots, recogniser, board, settings.var_dir / "demo")
        try:
            with board:
                await story.run()
        finally:
            await asyncio.gather(*(robot.sign_out() for robot in robots), return_exceptions=True)
    return story.parts


async def _robots(phones: Phones, built: Stage, board: Board) -> list[Robot]:
    robots = [
        await Robot.start(
            phones, added.agent.endpoint, added.agent.sip_password, name=added.agent.name, pin=added.pin,
            temper=Temper(answer_after_s=1.0, tone_hz=hz),
        )
        for added, hz in zip(built.agents, AGENT_HZ, strict=True)
    ]  # fmt: skip
    await asyncio.gather(*(robot.sign_in() for robot in robots))
    board.say(f"agents {' and '.join(robot.name for robot in robots)} signed in by phone")
    return robots
