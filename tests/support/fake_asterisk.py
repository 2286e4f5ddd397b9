"""A fake Asterisk for tests: speaks AMI as a server and dials into FastAGI as Asterisk does.

What it sends is held to tests/recordings by tests/test_fake_asterisk.py: same keys, same order, same replies.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from tests.support.fake_call import FakeCall

__all__ = ["FakeAsterisk", "FakeCall", "fastagi", "until"]


async def until(true: Callable[[], object], wait_s: float = 15.0) -> None:
    """Let the loop run until `true()` holds; TimeoutError after `wait_s`."""
    async with asyncio.timeout(wait_s):
        while not true():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def fastagi(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None,
) -> AsyncIterator[str]:
    """Run a bare FastAGI peer that calls `talk`, then listens to the end; give the URL to dial."""
    serving = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal serving
        serving += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if talk:
                await talk(reader, writer)
            await reader.read()
        writer.close()
        serving -= 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"agi://127.0.0.1:{server.sockets[0].getsockname()[1]}/TOKEN"
    finally:
        server.close()
        await until(lambda: not serving)


class FakeAsterisk:
    """AMI server and source of calls.

    booted  send FullyBooted after login.  deaf  read actions, answer none.  actions  every action received.
    logins  how many connections tried.
    """

    def __init__(self, *, username: str = "hotline", secret: str = "secret") -> None:
        self.username, self.secret = username, secret
        self.calls: dict[str, FakeCall] = {}
        self.actions: list[dict[str, str]] = []
        self.global_variables: dict[str, str] = {}
        self.booted, self.deaf, self.logins = True, False, 0
        self.port = 0
        self._numbers = itertools.count(1)
        self._ears: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[FakeAsterisk]:
        """Listen for AMI on loopback until the block ends."""
        await self.start(port)
        try:
            yield self
        finally:
            await self.stop()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, cut everything."""
        assert self._server is not None
        self._server.close()
        for call in list(self.calls.values()):
            call.drop()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await until(lambda: not self._links)
        await asyncio.sleep(0)  # the tasks serving them end

    def cut(self) -> None:
        """Break every AMI connection."""
        for writer in list(self._links):
            writer.transport.abort()

    def call(self, url: str, *arguments: str, ani: str = "+48225550100", dnis: str = "100",
             exit_on_hangup: bool = False) -> FakeCall:  # fmt: skip
        """Let a caller in: dial `url` (agi://host:port/token/...) in a task of its own."""
        call = FakeCall(self, next(self._numbers), ani, dnis, exit_on_hangup)
        self.calls[call.unique_id] = call
        task = asyncio.create_task(call.run_agi(url, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return call

    def emit(self, event: str, /, **fields: str) -> None:
        """Send one event to everybody logged in."""
        self.send_raw(_block({"Event": event, **fields}))

    def send_raw(self, text: bytes) -> None:
        for writer in list(self._ears):
            writer.write(text)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while action := await _read_action(reader):
                self.actions.append(action)
                if not self.deaf and not self._obey(action, writer):
                    break
        except ConnectionError:
            pass
        finally:
            self._links.discard(writer)
            self._ears.discard(writer)
            writer.close()

    def _obey(self, action: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        """Answer one action; return False when the connection ends with it."""
        name, action_id = action.get("Action", "").lower(), action.get("ActionID", "")
        if name == "login":
            return self._log_in(action, action_id, writer)
        if writer not in self._ears:
            _answer(writer, "Error", action_id, Message="Permission denied")
        elif name == "ping":
            _answer(writer, "Success", action_id, Ping="Pong", Timestamp="1795430850.688274")
        elif name in ("status", "coreshowchannels"):
            self._list(name, action_id, writer)
        elif name == "setvar":
            self._variables(action)[action["Variable"]] = action.get("Value", "")
            _answer(writer, "Success", action_id, Message="Variable Set")
        elif name == "getvar":
            value = self._variables(action).get(action["Variable"], "")
            _answer(writer, "Success", action_id, Variable=action["Variable"], Value=value)
        elif name == "hangup":
            self._hang_up(action.get("Channel", ""), action_id, writer)
        elif name == "logoff":
            _answer(writer, "Goodbye", action_id, Message="Thanks for all the fish.")
            return False
        else:
            _answer(writer, "Error", action_id, Message=f"Invalid/unknown command: {action.get('Action')}. "
                    "Use Action: ListCommands to show available commands.")  # fmt: skip
        return True

    def _log_in(self, action: dict[str, str], action_id: str, writer: asyncio.StreamWriter) -> bool:
        self.logins += 1
        if (action.get("Username"), action.get("Secret")) != (self.username, self.secret):
            _answer(writer, "Error", action_id, Message="Authentication failed")
            return False
        _answer(writer, "Success", action_id, Message="Authentication accepted")
        self._ears.add(writer)
        if self.booted:
            writer.write(_block({"Event": "FullyBooted", "Privilege": "system,all", "Uptime": "0",
                                 "LastReload": "0", "Status": "Fully Booted"}))  # fmt: skip
        return True

    def _variables(self, action: dict[str, str]) -> dict[str, str]:
        for call in self.calls.values():
            if call.channel == action.get("Channel"):
                return call.variables
        return self.global_variables

    def _hang_up(self, channel: str, action_id: str, writer: asyncio.StreamWriter) -> None:
        found = [call for call in self.calls.values() if call.channel == channel]
        if not found:
            _answer(writer, "Error", action_id, Message="No such channel")
            return
        found[0].hang_up()
        _answer(writer, "Success", action_id, Message="Channel Hungup")

    def _list(self, name: str, action_id: str, writer: asyncio.StreamWriter) -> None:
        status = name == "status"
        message = "Channel status will follow" if status else "Channels will follow"
        _answer(writer, "Success", action_id, EventList="start", Message=message)
        for call in self.calls.values():
            if status:
                writer.write(_block({"Event": "Status", "Privilege": "Call", **call.snapshot(), **STATUS_TAIL,
                                     "ActionID": action_id}))  # fmt: skip
            else:
                writer.write(_block({"Event": "CoreShowChannel", "ActionID": action_id, **call.snapshot(),
                                     "Application": "AGI", "ApplicationData": "", "Duration": "00:00:00",
                                     "BridgeId": ""}))  # fmt: skip
        count = str(len(self.calls))
        end = {"Event": "StatusComplete" if status else "CoreShowChannelsComplete", "ActionID": action_id,
               "EventList": "Complete", "ListItems": count}  # fmt: skip
        writer.write(_block(end | ({"Items": count} if status else {})))


STATUS_TAIL = {
    "Type": "PJSIP", "DNID": "", "EffectiveConnectedLineNum": "<unknown>",
    "EffectiveConnectedLineName": "<unknown>",
    "TimeToHangup": "0", "BridgeID": "", "Application": "AGI", "Data": "", "Nativeformats": "(ulaw)",
    "Readformat": "ulaw", "Readtrans": "", "Writeformat": "ulaw", "Writetrans": "", "Callgroup": "0",
    "Pickupgroup": "0", "Seconds": "0",
}  # fmt: skip


def _answer(writer: asyncio.StreamWriter, response: str, action_id: str, **fields: str) -> None:
    writer.write(_block({"Response": response, **({"ActionID": action_id} if action_id else {}), **fields}))


def _block(fields: Mapping[str, str]) -> bytes:
    return ("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n").encode()


async def _read_action(reader: asyncio.StreamReader) -> dict[str, str]:
    """Read one action; {} at end of file."""
    action: dict[str, str] = {}
    while line := await reader.readline():
        text = line.decode().rstrip("\r\n")
        if not text and action:
            return action
        if text:
            key, _, value = text.partition(":")
            action[key] = value.strip()
    return {}
