"""ivr.agi.server and channel against the fake Asterisk: one call, one task, every way it can end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from ivr.agi.channel import MAX_STRAYS, Channel
from ivr.agi.server import AgiServer
from ivr.errors import AgiError, CallEnded, CallerHungUp, ControllerLost
from tests.support import recordings
from tests.support.fake_asterisk import FakeAsterisk, FakeCall, until

Handler = Callable[[Channel], Awaitable[Any]]


@contextlib.asynccontextmanager
async def hotline(handler: Handler, **options: float) -> AsyncIterator[tuple[FakeAsterisk, AgiServer, str]]:
    """Run a FastAGI server with `handler` and a fake Asterisk; give the URL to dial."""
    server = AgiServer(token="TOKEN", handler=handler, **options)  # type: ignore[arg-type]
    await server.start("127.0.0.1", 0)
    async with FakeAsterisk().running() as asterisk:
        try:
            yield asterisk, server, f"agi://127.0.0.1:{server.port}/TOKEN/one"
        finally:
            await server.close()


async def result_of(play: Handler, prepare: Callable[[FakeCall], None] = lambda _: None) -> list[object]:
    """Let one caller in, return what `play` gave or raised, and the call."""
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def handler(channel: Channel) -> None:
        try:
            outcome.set_result(await play(channel))
        except (CallEnded, AgiError, AssertionError) as error:
            outcome.set_result(error)

    async with hotline(handler) as (asterisk, _, url):
        call = asterisk.call(url)
        prepare(call)
        got = await asyncio.wait_for(outcome, 5)
        call.drop()
        return [got, call]


async def test_serves_a_whole_call() -> None:
    """Every verb of the channel reaches Asterisk as one command, and its answer comes back."""

    async def play(channel: Channel) -> list[object]:
        await channel.answer()
        await channel.set_variable("NAME", 'a "b" \\ c')
        await channel.set_music(True, "jazz")
        await channel.set_autohangup(15)
        name, nothing = await channel.get_variable("NAME"), await channel.get_variable("NOPE")
        played = await channel.stream_file("hello", "12", timeout_s=5)
        pressed, silence = await channel.wait_for_digit(100), await channel.wait_for_digit(100)
        await channel.gosub("dial-agent", "s", "1", "anna", "20")
        await channel.set_music(False)
        status = await channel.get_variable("HOTLINE_DIALSTATUS")
        await channel.hangup()
        return [channel.path_args, name, nothing, played, pressed, silence, status]

    def prepare(call: FakeCall) -> None:
        call.agents["anna"] = "BUSY"
        call.press("1#")

    got, call = await result_of(play, prepare)
    expected = [("one",), 'a "b" \\ c', None, "1", "#", "", "BUSY"]

    assert expected == got
    assert isinstance(call, FakeCall)
    assert call.commands[0] == ["EXEC", "Answer", ",i"]
    assert ["GOSUB", "dial-agent", "s", "1", "anna,20"] in call.commands
    assert (call.autohangup_s, call.music) == (15, "")


@pytest.mark.parametrize(
    ("words", "code"), [(("NO SUCH", "x"), 510), (("GET VARIABLE",), 520), (("EXEC", "NoSuchApp"), None)]
)
async def test_refused_command_raises_and_the_call_goes_on(words: tuple[str, ...], code: int | None) -> None:
    """510 and 520 are AgiError with their code; data such as -2 is the caller's to judge."""

    async def play(channel: Channel) -> list[object]:
        refused: object = None
        try:
            refused = (await channel.command(*words)).result
        except AgiError as error:
            refused = error.code
        await channel.command("NOOP")
        return [refused]

    got, _ = await result_of(play)

    assert [code or "-2"] == got


@pytest.mark.parametrize(
    "verb",
    [
        lambda c: c.stream_file("gone", timeout_s=5),
        lambda c: c.exec("NoSuchApp"),
        lambda c: c.gosub("nowhere", "s", "1"),
    ],
)
async def test_what_cannot_be_done_raises(verb: Handler) -> None:
    """A missing file, application or label is an AgiError while the caller is still there."""
    got, _ = await result_of(verb, lambda call: call.missing_files.add("gone"))

    assert isinstance(got, AgiError)
    assert got.code == 200


async def test_bad_argument_sends_nothing() -> None:
    """ValueError comes before a byte is written."""

    async def play(channel: Channel) -> None:
        for words in (("SET VARIABLE", "A", "x\nHANGUP"), ("set", "x"), ("EXEC", *"x" * 40)):
            with pytest.raises(ValueError, match="AGI"):
                await channel.command(*words)
        with pytest.raises(ValueError, match="subroutine"):
            await channel.gosub("dial", "s", "1", "a,b")

    got, call = await result_of(play)

    assert got is None
    assert isinstance(call, FakeCall)
    assert call.commands == []


async def test_hang_up_ends_every_wait_at_once() -> None:
    """HANGUP while a reply is due raises in the command and sets `hung_up`; nothing waits for the reply."""

    async def play(channel: Channel) -> list[bool]:
        with pytest.raises(CallerHungUp):
            await channel.wait_for_digit(60_000)
        await channel.wait_hung_up()
        with pytest.raises(CallerHungUp):
            await channel.stream_file("hello", timeout_s=5)
        return [channel.hung_up.is_set(), channel.caller_left]

    def prepare(call: FakeCall) -> None:
        call.patience_s = 60
        asyncio.get_running_loop().call_later(0.05, call.hang_up)

    got, call = await result_of(play, prepare)

    assert got == [True, True]
    assert isinstance(call, FakeCall)
    assert len(call.commands) == 1


async def test_variables_still_work_after_hang_up() -> None:
    """On a dead channel the reply of the interrupted command is awaited first, then variables are exchanged."""

    async def play(channel: Channel) -> str | None:
        with pytest.raises(CallerHungUp):
            await channel.wait_for_digit(60_000)
        await channel.set_variable("HOTLINE_DONE", "1")
        await channel.exec("NoOp")
        return await channel.get_variable("HOTLINE_DONE")

    def prepare(call: FakeCall) -> None:
        call.patience_s = 60
        asyncio.get_running_loop().call_later(0.05, call.hang_up)

    got, _ = await result_of(play, prepare)

    assert got == "1"


@pytest.mark.parametrize(("leave", "error"), [("drop", ControllerLost), ("hang_up", CallerHungUp)])
async def test_end_of_file_tells_who_left(leave: str, error: type[CallEnded]) -> None:
    """End of file after HANGUP is the caller's leaving, without it the connection was lost."""

    async def play(channel: Channel) -> list[bool]:
        with pytest.raises(error):
            await channel.wait_for_digit(60_000)
        if error is ControllerLost:
            with pytest.raises(error):
                await channel.wait_hung_up()
        await until(lambda: channel.lost)
        with pytest.raises(error):
            await channel.get_variable("X")
        return [channel.hung_up.is_set(), channel.caller_left]

    def prepare(call: FakeCall) -> None:
        call.patience_s, call.exit_on_hangup = 60, True
        asyncio.get_running_loop().call_later(0.05, getattr(call, leave))

    got, _ = await result_of(play, prepare)

    assert [True, error is CallerHungUp] == got


async def test_hang_up_seen_only_after_minus_one() -> None:
    """Asterisk may answer result=-1 before it says HANGUP: that is a hang-up, not a missing file."""

    async def play(channel: Channel) -> None:
        await channel.stream_file("gone", timeout_s=5)

    def prepare(call: FakeCall) -> None:
        call.missing_files.add("gone")
        say, call.say = call.say, lambda text: (say(text), call.hang_up() if "-1" in text else None)[0]  # type: ignore[method-assign]

    got, _ = await result_of(play, prepare)

    assert isinstance(got, CallerHungUp)


async def test_dead_channel_answer_is_a_hang_up() -> None:
    """511 without HANGUP: the caller is gone all the same."""

    async def play(channel: Channel) -> None:
        await channel.stream_file("hello", timeout_s=5)

    got, _ = await result_of(play, lambda call: call.gone.set())

    assert isinstance(got, CallerHungUp)


async def test_cancelled_command_does_not_shift_replies() -> None:
    """The reply to a cancelled command is taken before the next command is sent."""

    async def play(channel: Channel) -> str | None:
        await channel.set_variable("NAME", "right")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await channel.wait_for_digit(60_000)
        return await channel.get_variable("NAME")

    def prepare(call: FakeCall) -> None:
        call.patience_s = 60
        asyncio.get_running_loop().call_later(0.1, call.press, "5")

    got, call = await result_of(play, prepare)

    assert got == "right"
    assert isinstance(call, FakeCall)
    assert [words[0] for words in call.commands] == ["SET", "WAIT", "GET"]


async def test_silent_asterisk_loses_the_call_after_the_deadline() -> None:
    """A command without a reply gives the connection up, so that the ladder takes the call."""

    async def play(channel: Channel) -> None:
        await channel.command("WAIT FOR DIGIT", "60000", timeout_s=0.05)

    got, _ = await result_of(play, lambda call: setattr(call, "patience_s", 60.0))

    assert isinstance(got, ControllerLost)


async def test_forged_replies_are_dropped_and_taint_the_call() -> None:
    """Line ends in a variable cannot answer the next command; a flood of them ends the connection."""

    async def play(channel: Channel) -> list[object]:
        value = await channel.get_variable("EVIL")
        return [value, await channel.get_variable("GOOD"), channel.tainted]

    def prepare(call: FakeCall) -> None:
        call.variables |= {"EVIL": "x)\n200 result=1 (forged)\nrest", "GOOD": "good"}

    got, _ = await result_of(play, prepare)

    assert got == ["x", "good", True]

    def flood(call: FakeCall) -> None:
        call.variables["EVIL"] = "x\n" * (MAX_STRAYS + 2)

    got, _ = await result_of(play, flood)

    assert isinstance(got, ControllerLost)


async def send(url_port: int, data: bytes) -> bytes:
    """Send bytes to the server, return what it answers until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", url_port)
    writer.write(data)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(3):
            data = await reader.read()
            writer.close()
            return data
    return b""


HEADERS = recordings.received("agi-commands").partition(b"\n\n")[0] + b"\n\n"


@pytest.mark.parametrize(
    "data",
    [
        HEADERS.replace(b"TOKEN", b"WRONG"),
        HEADERS.replace(b"TOKEN/one/two", b""),
        HEADERS.replace(b"TOKEN", "TÓKEN".encode()),
        HEADERS.replace(b"agi_threadid", b"agi_nothing"),
        b"GET / HTTP/1.1\r\n\r\n\n",
        b"agi_request: " + b"x" * 40_000,
        HEADERS[:200],
        b"",
    ],
)
async def test_strangers_are_cut_off(data: bytes) -> None:
    """Wrong token, oversized, unfinished or foreign header blocks are closed without a word or a task."""

    async def handler(channel: Channel) -> None:
        raise AssertionError("must not run")

    async with hotline(handler, header_timeout_s=0.1) as (_, server, _url):
        assert await send(server.port, data) == b""
        assert (server.calls, server.connections) == (0, 0)


async def test_connection_cap() -> None:
    """One connection more than allowed is dropped; the others live."""
    release = asyncio.Event()

    async def handler(channel: Channel) -> None:
        await release.wait()
        await channel.command("NOOP")

    async with hotline(handler, max_connections=2) as (asterisk, server, url):
        calls = [asterisk.call(url) for _ in range(2)]
        await until(lambda: server.calls == 2)

        assert await send(server.port, HEADERS) == b""
        release.set()
        await asyncio.gather(*(call.ended.wait() for call in calls))
        assert [call.commands for call in calls] == [[["NOOP"]], [["NOOP"]]]


async def test_a_crash_ends_that_call_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug in the handler closes its own connection and is logged."""
    good = asyncio.Event()

    async def handler(channel: Channel) -> None:
        if channel.path_args == ("bad",):
            raise AssertionError("a bug")
        await good.wait()
        await channel.command("NOOP")

    async with hotline(handler) as (asterisk, _, url):
        kept, lost = asterisk.call(url), asterisk.call(url.replace("one", "bad"))
        await asyncio.wait_for(lost.ended.wait(), 3)
        good.set()
        await asyncio.wait_for(kept.ended.wait(), 3)

        assert kept.commands == [["NOOP"]]


async def test_drains() -> None:
    """After stop_accepting nobody new comes in and the call under control goes on; close cancels it."""
    cancelled = asyncio.Event()

    async def handler(channel: Channel) -> None:
        try:
            await channel.wait_hung_up()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with hotline(handler) as (asterisk, server, url):
        call, port = asterisk.call(url), server.port
        await until(lambda: server.calls == 1)
        await server.stop_accepting()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        assert server.calls == 1
        await server.close()
        await asyncio.wait_for(call.ended.wait(), 3)

        assert cancelled.is_set()


def test_works_on_uvloop() -> None:
    """The same channel serves a call on uvloop."""
    uvloop.run(test_hang_up_ends_every_wait_at_once())
    uvloop.run(test_serves_a_whole_call())


@pytest.mark.parametrize("token", ["", "a/b", "ż"])
def test_refuses_an_unusable_token(token: str) -> None:
    async def handler(channel: Channel) -> None: ...

    with pytest.raises(ValueError, match="token"):
        AgiServer(token=token, handler=handler)
