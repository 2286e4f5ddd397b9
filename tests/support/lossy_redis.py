"""A real Redis seen through a bad network, on the virtual loop: requests and replies get lost, late, or come twice.

The scripts run on a real server, asked synchronously when a request arrives at its virtual moment, with the group's
clock moved to it. In between, the network does what the seed says. `LossyRedis` stands where Router has its clients;
like those (routing/link.py) it gives up on a try after a second and tries once more.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TooLate

from routing.scripts import Script, load
from tests.support.routing import _DUMP, MOVED_CLOCK, ROOT, START_MS, Dump
from tests.support.virtual_loop import WORLD, VirtualLoop

TRY_S = 1.0  # link.COMMAND_TIMEOUT_S
PAUSE_S = 0.05


@dataclass
class Faults:
    """How often, of a request: it never arrives; its reply never does; it arrives late; Redis is out of memory.

    late_s  by how much at most.  nth  number of a request, from 1 -> lost or unheard.
    slow  script -> seconds it is under way.  away  controller -> until when nothing of it reaches Redis.
    """

    lost: float = 0.0
    unheard: float = 0.0
    late: float = 0.0
    late_s: float = 6.0
    full: float = 0.0
    nth: dict[int, str] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    away: dict[str, float] = field(default_factory=dict)

    def stop(self) -> None:
        """From now on everything arrives."""
        self.lost = self.unheard = self.late = self.full = 0.0
        self.slow.clear()
        self.away.clear()


@dataclass
class Request:
    """One command, or one script with its arguments by the names of its header."""

    name: str
    act: Callable[[], Any] | None = None
    sha: str = ""
    values: Mapping[str, str] | None = None

    @property
    def request_id(self) -> str:
        return (self.values or {}).get("request_id", "")


@dataclass
class Outcome:
    """A request as Redis did it. error  what it answered instead of a reply."""

    request: Request
    owner: str
    now_ms: int
    before: Dump
    after: Dump
    reply: Any = None
    error: ResponseError | None = None
    events: list[dict[str, str]] = field(default_factory=list)


@functools.cache
def loaded() -> Mapping[str, Script]:
    """Return the scripts with the moved clock, read from their files once."""
    return load(MOVED_CLOCK)


class Server:
    """The real Redis. `watch` is called after every script that was run; readers of streams are woken."""

    def __init__(self, loop: VirtualLoop, url: str, faults: Faults, watch: Callable[[Outcome], None]) -> None:
        self.loop, self.faults, self.watch = loop, faults, watch
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.client.flushall()
        self._dump = self.client.script_load(_DUMP)
        self.scripts = {self.client.script_load(script.text): script for script in loaded().values()}
        self.readers: list[asyncio.Event] = []
        self.requests, self.asked, self._last_event = 0, 0, "-"
        self.dump = Dump({})

    @property
    def now_ms(self) -> int:
        return START_MS + int(self.loop.time() * 1000)

    def lose_all(self) -> None:
        """Redis died and came back empty."""
        self.client.flushall()
        self.dump, self._last_event = Dump({}), "-"

    def do(self, request: Request, owner: str) -> Any:
        """Do one request now. Returns the reply; raises ResponseError."""
        if request.act:
            return request.act()
        self.requests += 1
        full = self.faults.full and self.loop.random.random() < self.faults.full
        done = self._script(request, owner, full=bool(full))
        said = f"{'OOM ' if full else ''}{done.error or done.reply}"
        self.loop.tell(f"redis {owner} {request.name} {_brief(request.values)} -> {said[:120]}")
        self.watch(done)
        for reader in self.readers:
            reader.set()
        if done.error:
            raise done.error
        return done.reply

    def _script(self, request: Request, owner: str, *, full: bool) -> Outcome:
        with self.client.pipeline(transaction=False) as pipe:
            pipe.set(f"{ROOT}:clock", self.now_ms)
            if full:
                pipe.config_set("maxmemory", 1)
            pipe.evalsha(request.sha, 1, ROOT, *(request.values or {}).values())
            if full:
                pipe.config_set("maxmemory", 0)
            pipe.evalsha(self._dump, 1, ROOT)
            pipe.xrange(f"{ROOT}:events", self._last_event, "+")
            replies = pipe.execute(raise_on_error=False)
        reply, everything, events = replies[2 if full else 1], json.loads(replies[-2]), replies[-1]
        del everything["clock"]
        before, self.dump = self.dump, Dump(everything)
        self._last_event = f"({events[-1][0]}" if events else self._last_event
        done = Outcome(request, owner, self.now_ms, before, self.dump, events=[fields for _, fields in events])
        if isinstance(reply, ResponseError):
            done.error = reply
        else:
            assert isinstance(reply, str), reply
            done.reply = reply
        return done


def _brief(values: Mapping[str, str] | None) -> str:
    return " ".join(f"{name}={value}" for name, value in (values or {}).items()
                    if name not in ("request_id", "epoch") and value != "")[:160]


class LossyRedis:
    """What one controller's Router takes for its clients. `dead`: the process is no more; nothing leaves it."""

    def __init__(self, loop: VirtualLoop, server: Server, owner: str) -> None:
        self.loop, self.server, self.owner, self.dead = loop, server, owner, False

    async def evalsha(self, sha: str, keys: int, root: str, *args: Any) -> Any:
        """Run one of the package's scripts."""
        assert (keys, root) == (1, ROOT)
        script = self.server.scripts[sha]
        values = dict(zip(script.arguments, map(str, args), strict=True))
        return await self.carry(Request(script.name, sha=sha, values=values))

    async def info(self, *sections: str) -> dict[str, str]:
        return await self._command("info", lambda: {"run_id": "the only run"})

    async def time(self) -> tuple[int, int]:
        return await self._command("time", self._time)

    async def execute_command(self, *words: Any) -> Any:
        """Read a stream; wait up to BLOCK for something. Who reads asks again for what got lost."""
        assert (words[0], words[3]) == ("XREAD", "BLOCK"), words
        ends = self.loop.time() + words[4] / 1000
        read = functools.partial(self.server.client.execute_command, *words[:3], *words[5:])
        woken = asyncio.Event()
        self.server.readers.append(woken)
        try:
            while not (found := await self._once(Request("xread", read))):
                woken.clear()
                async with asyncio.timeout_at(ends):
                    await woken.wait()
            return found
        except TimeoutError:
            return None
        finally:
            self.server.readers.remove(woken)

    def pipeline(self, transaction: bool = True) -> Pipeline:
        return Pipeline(self)

    async def aclose(self) -> None:
        """There is nothing to close."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any other command, as the synchronous client has it."""
        command = getattr(self.server.client, name)

        async def ask(*args: Any, **options: Any) -> Any:
            return await self._command(name, lambda: command(*args, **options))

        return ask

    def _time(self) -> tuple[int, int]:
        return self.server.now_ms // 1000, self.server.now_ms % 1000 * 1000

    async def _command(self, name: str, act: Callable[[], Any]) -> Any:
        return await self.carry(Request(name, act))

    async def carry(self, request: Request) -> Any:
        """Bring a request to Redis and the reply back; a second try when the first brought none."""
        try:
            return await self._once(request)
        except (LostConnection, TooLate):
            await asyncio.sleep(PAUSE_S)
            return await self._once(request)

    async def _once(self, request: Request) -> Any:
        if self.dead:
            raise asyncio.CancelledError
        loop, chance, faults = self.loop, self.loop.random, self.server.faults
        reply: asyncio.Future[Any] = loop.create_future()
        self.server.asked += 1
        fate, sure = chance.random(), faults.nth.get(self.server.asked)
        there_s = chance.choice((0.0, 0.0, 0.001, 0.001, 0.004, 0.05))
        if sure == "lost" or fate < faults.lost or faults.away.get(self.owner, 0.0) > loop.time():
            loop.call_later(there_s, _settle, reply, None, LostConnection("connection lost"), context=WORLD)
        else:
            fate -= faults.lost
            heard = fate >= faults.unheard and sure != "unheard"
            if heard and fate - faults.unheard < faults.late:
                there_s = chance.uniform(0.5, faults.late_s)
            there_s = faults.slow.get(request.name, there_s)
            loop.call_later(there_s, self._arrive, request, reply, heard, context=WORLD)
        try:
            async with asyncio.timeout(TRY_S):
                return await reply
        except TimeoutError:
            raise TooLate("no reply within a second") from None

    def _arrive(self, request: Request, reply: asyncio.Future[Any], heard: bool) -> None:
        error: Exception | None = None
        found = None
        try:
            found = self.server.do(request, self.owner)
        except ResponseError as refused:
            error = refused
        if not heard:
            error = LostConnection("connection lost")
        back_s = self.loop.random.choice((0.0, 0.001, 0.003, 0.02))
        self.loop.call_later(back_s, _settle, reply, found, error, context=WORLD)


def _settle(reply: asyncio.Future[Any], found: Any, error: Exception | None) -> None:
    if not reply.done():
        if error:
            reply.set_exception(error)
        else:
            reply.set_result(found)


class Pipeline:
    """Commands sent together."""

    def __init__(self, client: LossyRedis) -> None:
        self._client = client
        self._acts: list[Callable[[], Any]] = []

    async def __aenter__(self) -> Pipeline:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was kept."""

    def __getattr__(self, name: str) -> Callable[..., Pipeline]:
        command = getattr(self._client.server.client, name)

        def add(*args: Any, **options: Any) -> Pipeline:
            self._acts.append(lambda: command(*args, **options))
            return self

        return add

    def time(self) -> Pipeline:
        self._acts.append(self._client._time)
        return self

    async def execute(self) -> list[Any]:
        acts, self._acts = self._acts, []
        return await self._client.carry(Request("pipeline", lambda: [act() for act in acts]))
