"""A FastAGI controller of a few lines, to live, hang and die exactly when a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable


class StubCall:
    """One FastAGI connection. `headers` is the block Asterisk sent first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        self.reader, self.writer, self.headers = reader, writer, headers

    async def command(self, line: str, timeout_s: float = 10.0) -> str:
        """Send one command, return its reply; HANGUP lines before it are skipped."""
        self.writer.write(line.encode() + b"\n")
        return await self.reply(timeout_s)

    def ring(
        self, endpoint: str, *, ring_s: int = 20, shown: str = "", music: str = "default", whisper: str = "",
    ) -> None:
        """Start dialling an agent; the reply comes when the talk is over, see `reply`."""
        self.writer.write(f'GOSUB dial-agent s 1 "{endpoint},{ring_s},{shown},{music},{whisper}"\n'.encode())

    async def reply(self, timeout_s: float = 10.0) -> str:
        """Return the reply to a command sent before."""
        while True:
            reply = (await asyncio.wait_for(self.reader.readline(), timeout_s)).decode().strip()
            if reply != "HANGUP" and not reply.startswith("100 "):
                return reply

    async def variable(self, name: str) -> str:
        """Return a channel variable, '' when it is not set."""
        return (await self.command(f"GET VARIABLE {name}")).partition("(")[2].rstrip(")")

    async def wait_closed(self, timeout_s: float = 10.0) -> None:
        """Return when Asterisk closed the connection."""
        await asyncio.wait_for(self.reader.read(), timeout_s)

    def die(self) -> None:
        """Break the connection as the kernel does for a killed process."""
        self.writer.close()


class Stub:
    """What a stub controller saw: its `calls`, in order."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[StubCall] = asyncio.Queue()
        self.taken = 0
        self.server: asyncio.Server | None = None

    async def next(self, timeout_s: float = 10.0) -> StubCall:
        """Return the next connection, its headers read."""
        return await asyncio.wait_for(self.calls.get(), timeout_s)

    async def close(self) -> None:
        """Stop listening: from now on connections are refused. Running calls stay."""
        assert self.server is not None
        self.server.close()


@contextlib.asynccontextmanager
async def agi_stub(port: int, handler: Callable[[StubCall], Awaitable[None]] | None = None) -> AsyncIterator[Stub]:
    """Listen on `port`; each connection goes to `handler`, or into `Stub.calls`."""
    stub = Stub()
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        stub.taken += 1
        headers: dict[str, str] = {}
        while (line := (await reader.readline()).decode().strip()):
            name, _, value = line.partition(":")
            headers[name] = value.strip()
        call = StubCall(reader, writer, headers)
        if handler is None:
            stub.calls.put_nowait(call)
        else:
            with contextlib.suppress(ConnectionError):
                await handler(call)

    stub.server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=1024)
    try:
        yield stub
    finally:
        stub.server.close()
        for writer in writers:
            writer.close()
