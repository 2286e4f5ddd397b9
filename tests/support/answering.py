"""A company's server for tests: answers webhooks well, late, not at all, or with rubbish, by the path asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

HUGE = 3_000_000
TIMES_OUT_S = 30.0


@dataclass
class Asked:
    """One request. left_early  the other side closed the connection before it was answered."""

    path: str
    headers: dict[str, str]
    body: Any
    left_early: bool = False


@dataclass
class Answering:
    """The server; `async with`. replies  path -> what is answered: an object, or bytes as they are.  listen  port.

    /slow says nothing · /drips a byte now and then · /huge never ends · /moved redirects to /good · /refuses 401.
    """

    replies: dict[str, Any] = field(default_factory=dict)
    listen: int = 0
    asked: list[Asked] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.listen)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.sleep(0.01)

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                    first, *lines = head.strip().split("\r\n")
                    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                    body = await reader.readexactly(int(headers.get("content-length", 0)))
                    asked = Asked(first.split()[1], headers, json.loads(body))
                    self.asked.append(asked)
                    await self._answer(asked, reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asked.path == "/slow":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIMES_OUT_S):
                    asked.left_early = not await reader.read(1)
            return
        if asked.path == "/drips":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
            return
        if asked.path == "/huge":
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
            for _ in range(HUGE // 1000):
                writer.write(b"[" * 1000)
                await writer.drain()
            return
        status, extra = {
            "/moved": ("302 Found", f"Location: {self.url('/good')}\r\n"),
            "/refuses": ("401 Unauthorized", ""),
        }.get(asked.path, ("200 OK", "Set-Cookie: who=first\r\n"))
        reply = self.replies.get(asked.path, {})
        content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        writer.write(f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
