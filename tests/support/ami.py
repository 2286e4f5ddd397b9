"""A manager connection of a few lines, to see what Asterisk itself permits and sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.support.asterisk import RealAsterisk


class Manager:
    """One logged-in session. `events` holds what came unasked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.events: list[dict[str, str]] = []

    async def action(self, name: str, **headers: str) -> str:
        """Return the response as text."""
        lines = [f"Action: {name}", "ActionID: probe", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        self.writer.write("\r\n".join(lines).encode())
        while True:
            block = await self._block(5.0)
            if "Response:" in block:
                return block
            self._keep(block)

    async def event(self, name: str, timeout_s: float = 5.0) -> dict[str, str]:
        """Return the next event of this name."""
        while True:
            for event in self.events:
                if event["Event"] == name:
                    self.events.remove(event)
                    return event
            self._keep(await self._block(timeout_s))

    async def _block(self, timeout_s: float) -> str:
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), timeout_s)).decode()

    def _keep(self, block: str) -> None:
        self.events.append(dict(line.split(": ", 1) for line in block.splitlines() if ": " in line))


@contextlib.asynccontextmanager
async def manager(
    pbx: RealAsterisk, user: str = "hotline-controller", secret: str | None = None,
) -> AsyncIterator[Manager]:
    """A session logged in as `user`; ConnectionRefusedError when the login is refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pbx.settings.ami_port)
    await reader.readline()
    session = Manager(reader, writer)
    try:
        answer = await session.action("Login", Username=user, Secret=secret or pbx.secrets.ami_controller)
        if "Success" not in answer:
            raise ConnectionRefusedError(answer)
        yield session
    finally:
        writer.write(b"Action: Logoff\r\n\r\n")
        await asyncio.wait_for(reader.read(), 2)  # the same user may log in again once this session is gone
        writer.close()
