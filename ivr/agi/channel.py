"""One call's FastAGI connection: send a command, wait for its reply, notice the hang-up at once.

The channel owns its socket. Its one reader is `data_received`: a reply goes to the command that waits, HANGUP
or end of file ends every wait. Nobody else commands the call. Made by `ivr.agi.server`, used by
`ivr.session`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from ivr.agi import protocol
from ivr.agi.protocol import Broken, HeaderBlock, HungUp, Reply
from ivr.errors import AgiError, CallEnded, CallerHungUp, ControllerLost
from ivr.log import logger

log = logger(__name__)

MAX_STRAYS = 100  # lines nobody asked for; a variable of 8,192 bytes full of line ends is an attack
DEAD_CHANNEL = 511
AFTER_HANGUP = frozenset(
    {"GET VARIABLE", "GET FULL VARIABLE", "SET VARIABLE", "EXEC", "NOOP", "VERBOSE", "HANGUP"}
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Channel(asyncio.Protocol):
    """One call under control.

    headers  AGI header block, the first of each key.  path_args  parts of the script path after the token.
    tainted  somebody wrote line ends into a value: trust nothing but `agi_uniqueid`.
    hung_up  set when the caller left and when the connection ended; `caller_left` tells which.
    """

    def __init__(
        self,
        on_open: Callable[[Channel], None] | None = None,
        on_headers: Callable[[Channel, HeaderBlock], None] | None = None,
        on_closed: Callable[[Channel], None] | None = None,
    ) -> None:
        self.headers = _NO_HEADERS
        self.tainted = False
        self.path_args: tuple[str, ...] = ()
        self.hung_up = asyncio.Event()
        self.caller_left = False
        self.lost = False
        self._on_open, self._on_headers, self._on_closed = on_open, on_headers, on_closed
        self._loop = asyncio.get_running_loop()
        self._parser = protocol.Parser()
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None  # who waits for the reply that is due
        self._due = False  # Asterisk owes a reply, perhaps to a command nobody waits for any more
        self._settled: asyncio.Future[None] | None = None  # who waits until no reply is due
        self._strays = 0

    # Commands, in the order of a call's life

    async def command(self, *words: str, timeout_s: float | None = 10.0) -> Reply:
        """Send one command and return its reply of code 200.

        words  the verb as Asterisk lists it (`STREAM FILE`), then its arguments, quoted here.
        timeout_s  silence after which the connection is given up: the call goes to the fallback ladder.
        Raises ValueError before anything is sent; CallerHungUp; ControllerLost; AgiError for another code.
        """
        line = protocol.command(*words)
        if self._due:
            await self._wait_settled(words[0], timeout_s)
        if self.lost or (self.caller_left and words[0] not in AFTER_HANGUP):
            raise self._ended()
        assert self._transport is not None
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._reply = future
        self._due = True
        self._transport.write(line)
        if timeout_s is None:
            reply = await future
        else:
            timer = self._loop.call_later(timeout_s, self._silent, words[0], timeout_s)
            try:
                reply = await future
            finally:
                timer.cancel()
        if reply.code != 200:
            raise self._refused(words[0], reply)
        return reply

    async def answer(self) -> None:
        """Answer without waiting for the caller's first packet (`ANSWER` waits up to 500 ms for it)."""
        await self.exec("Answer", "", "i")

    async def stream_file(self, file: str, escape: str = "", *, timeout_s: float | None) -> str:
        """Play `file` (stem without extension); return the key of `escape` that ended it, or ''.

        Raises AgiError (code 200) when the file cannot be played.
        """
        reply = await self.command("STREAM FILE", file, escape, timeout_s=timeout_s)
        if reply.result == "-1":
            await self._still_there()
            raise AgiError("STREAM FILE", 200, f"cannot play {file!r} (result=-1)")
        return _digit("STREAM FILE", reply)

    async def wait_for_digit(self, timeout_ms: int) -> str:
        """Wait for one key; return it, or '' after `timeout_ms`."""
        reply = await self.command("WAIT FOR DIGIT", str(timeout_ms), timeout_s=timeout_ms / 1000 + 10)
        if reply.result == "-1":
            await self._still_there()
            raise AgiError("WAIT FOR DIGIT", 200, "cannot listen for keys (result=-1)")
        return _digit("WAIT FOR DIGIT", reply)

    async def record_file(self, stem: str, *, most_s: int, silence_s: int, finish: str) -> str:
        """Record to `stem`.wav until a key of `finish`, silence, or `most_s`; return that key or ''.

        Raises AgiError when the file cannot be written. A caller who hangs up leaves what he said.
        """
        words = ("RECORD FILE", stem, "wav", finish, str(most_s * 1000), f"s={silence_s}")
        reply = await self.command(*words, timeout_s=most_s + 10.0)
        if reply.result == "-1":
            await self._still_there()
            raise AgiError("RECORD FILE", 200, f"cannot record {stem!r}: {reply.text}")
        if reply.value == "timeout":  # silence, or `most_s`: the result is the milliseconds left, no key
            return ""
        return _digit("RECORD FILE", reply)

    async def get_variable(self, name: str) -> str | None:
        """Return a channel variable or dialplan function, None when it is not set."""
        reply = await self.command("GET VARIABLE", name)
        return (reply.value or "") if reply.result == "1" else None

    async def set_variable(self, name: str, value: str) -> None:
        await self.command("SET VARIABLE", name, value)

    async def set_music(self, on: bool, class_: str = "default") -> None:
        """Start or stop music on hold; it plays while nothing is sent."""
        if on:
            await self.command("SET MUSIC", "on", class_)
        else:
            await self.command("SET MUSIC", "off")

    async def set_autohangup(self, seconds: int) -> None:
        """Renew the lease: without a sign from us Asterisk takes the call back in `seconds`; 0 lifts it."""
        await self.command("SET AUTOHANGUP", str(seconds))

    async def gosub(self, context: str, exten: str, priority: str, *args: str) -> None:
        """Run a dialplan subroutine, as long as it takes; what it found is in the variables it set.

        Raises ValueError for an argument the dialplan would split or cut, AgiError for an unknown label.
        """
        for arg in args:
            if any(sign in arg for sign in ',()"\\'):
                raise ValueError(f"subroutine argument {arg[:40]!r} contains one of , ( ) \" \\")
        words = ("GOSUB", context, exten, priority, *([",".join(args)] if args else []))
        reply = await self.command(*words, timeout_s=None)
        if reply.result == "-1":
            await self._still_there()
            raise AgiError("GOSUB", 200, f"{context},{exten},{priority}: {reply.text}")

    async def exec(self, application: str, *args: str, timeout_s: float | None = 60.0) -> str:
        """Run a dialplan application, its arguments joined by commas; return its result, '-1' included.

        Raises AgiError when it is not loaded.
        """
        reply = await self.command("EXEC", application, ",".join(args), timeout_s=timeout_s)
        if reply.result == "-2":
            raise AgiError("EXEC", 200, f"application {application!r} is not loaded (result=-2)")
        return reply.result

    async def hangup(self) -> None:
        """End the call; a call that has already ended is fine."""
        try:
            await self.command("HANGUP")
        except CallEnded:
            return

    def close(self) -> None:
        """Hand the call back to the dialplan: close the connection once everything is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def wait_hung_up(self) -> None:
        """Return when the caller left; raise ControllerLost when the connection ended otherwise."""
        await self.hung_up.wait()
        if not self.caller_left:
            raise self._ended()

    async def _still_there(self) -> None:
        """Raise CallerHungUp if that was why a command failed: Asterisk says HANGUP before its next reply."""
        await self.command("NOOP")
        if self.caller_left:
            raise self._ended()

    # What the socket says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if self._on_open:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        for event in self._parser.feed(data):
            kind = type(event)
            if kind is Reply:
                self._take_reply(event)  # type: ignore[arg-type]
            elif kind is HungUp:
                self._end(caller_left=True)
            elif kind is HeaderBlock:
                self._take_headers(event)  # type: ignore[arg-type]
            else:
                self._take_junk(event)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = True
        self._due = False
        self._end(caller_left=self.caller_left)
        self._settle()
        if self._on_closed:
            self._on_closed(self)

    def _take_headers(self, block: HeaderBlock) -> None:
        self.headers, self.tainted, self.path_args = block.headers, block.tainted, block.path_args
        if self._on_headers:
            self._on_headers(self, block)

    def _take_reply(self, reply: Reply) -> None:
        if not self._due:
            self._take_junk(reply)
            return
        self._due = False
        future, self._reply = self._reply, None
        if future is not None and not future.done():
            future.set_result(reply)
        self._settle()

    def _take_junk(self, event: protocol.Event) -> None:
        """Drop what nobody asked for (a forged reply, the rest of a value); give up on a flood."""
        self.tainted = True
        self._strays += 1
        if isinstance(event, Broken) or self._strays > MAX_STRAYS:
            reason = event.reason if isinstance(event, Broken) else "too many lines nobody asked for"
            log.warning("agi_broken", reason=reason, channel=self.headers.get("agi_channel", ""))
            self.abort()

    # How waits end

    def _end(self, *, caller_left: bool) -> None:
        self.caller_left = caller_left
        self.hung_up.set()
        future, self._reply = self._reply, None
        if future is not None and not future.done():
            future.set_exception(self._ended())

    def _ended(self) -> CallEnded:
        if self.caller_left:
            return CallerHungUp("the caller hung up")
        return ControllerLost("the FastAGI connection ended before the call was handed back")

    def _refused(self, verb: str, reply: Reply) -> Exception:
        if reply.code == DEAD_CHANNEL:
            self._end(caller_left=True)
            return self._ended()
        return AgiError(verb, reply.code, reply.text)

    def _silent(self, verb: str, timeout_s: float) -> None:
        name = self.headers.get("agi_channel", "")
        log.warning("agi_silent", command=verb, timeout_s=timeout_s, channel=name)
        self.abort()

    def _settle(self) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)
        self._settled = None

    async def _wait_settled(self, verb: str, timeout_s: float | None) -> None:
        """Wait for the reply to a cancelled command: a command sent earlier would end it without a reply."""
        assert self._reply is None or self._reply.done(), f"two commands at once on one channel: {verb}"
        settled: asyncio.Future[None] = self._loop.create_future()
        self._settled = settled
        timer = None if timeout_s is None else self._loop.call_later(timeout_s, self._silent, verb, timeout_s)
        try:
            await settled
        finally:
            if timer:
                timer.cancel()


def _digit(verb: str, reply: Reply) -> str:
    if reply.result == "0":
        return ""
    if reply.result.isascii() and reply.result.isdigit() and chr(int(reply.result[:3])) in "0123456789*#ABCD":
        return chr(int(reply.result[:3]))
    raise AgiError(verb, 200, f"answered {reply.text!r} instead of a key")
