"""Accept FastAGI connections: one task per call, on loopback, behind a token.

FastAGI has no authentication, so the first part of the script path is a secret shared with the dialplan.
Whoever is late, oversized, one too many or does not know the token is cut off, and the dialplan goes on to
its ladder. Used by `ivr.app`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from ivr.agi.channel import Channel
from ivr.agi.protocol import HeaderBlock
from ivr.errors import CallEnded
from ivr.log import logger

log = logger(__name__)


class AgiServer:
    """FastAGI server for agi://127.0.0.1:<port>/<token>[/arg...].

    handler  runs one call; its crash ends that call only.  max_connections  a further one is dropped.
    header_timeout_s  the header block must be complete by then.
    backlog  of the listening socket: hundreds of calls come back at once when a controller was killed.
    """

    def __init__(
        self,
        *,
        token: str,
        handler: Callable[[Channel], Awaitable[None]],
        max_connections: int = 2000,
        header_timeout_s: float = 5.0,
        backlog: int = 4096,
    ) -> None:
        if not token or not token.isascii() or "/" in token:
            raise ValueError("the FastAGI token must be ASCII without '/'")
        self._token = token.encode()
        self._handler = handler
        self._max = max_connections
        self._header_timeout_s = header_timeout_s
        self._backlog = backlog
        self._server: asyncio.Server | None = None
        self._open: dict[Channel, asyncio.TimerHandle | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Connections open now, those without a header block included."""
        return len(self._open)

    @property
    def calls(self) -> int:
        """Calls under control now."""
        return len(self._tasks)

    @property
    def port(self) -> int:
        """Port listened on: the one the system chose when started with 0."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen on `host`:`port`. Raises OSError when the port is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            self._channel, host, port, backlog=self._backlog
        )

    async def stop_accepting(self) -> None:
        """Close the listening socket; calls under control go on."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Stop accepting, cancel every call's task and drop every connection."""
        await self.stop_accepting()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in list(self._open):
            channel.abort()

    def _channel(self) -> Channel:
        return Channel(self._opened, self._ready, self._closed)

    def _opened(self, channel: Channel) -> None:
        if len(self._open) >= self._max:
            log.warning("agi_full", connections=len(self._open))
            channel.abort()
            return
        loop = asyncio.get_running_loop()
        self._open[channel] = loop.call_later(self._header_timeout_s, self._late, channel)

    def _late(self, channel: Channel) -> None:
        log.warning("agi_late", timeout_s=self._header_timeout_s)
        channel.abort()

    def _ready(self, channel: Channel, block: HeaderBlock) -> None:
        if channel not in self._open:
            return
        timer, self._open[channel] = self._open[channel], None
        if timer:
            timer.cancel()
        if not hmac.compare_digest(block.token.encode("utf-8", "replace"), self._token):
            log.warning("agi_wrong_token", channel=block.headers["agi_channel"])
            channel.abort()
            return
        task = asyncio.create_task(self._run(channel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _closed(self, channel: Channel) -> None:
        timer = self._open.pop(channel, None)
        if timer:
            timer.cancel()

    async def _run(self, channel: Channel) -> None:
        """Run one call; whatever its handler does, only this connection ends."""
        try:
            await self._handler(channel)
        except CallEnded as ended:
            log.debug("agi_call_ended", call_id=channel.headers["agi_uniqueid"], why=str(ended))
        except Exception:
            log.exception("agi_handler_crashed", call_id=channel.headers["agi_uniqueid"])
        finally:
            channel.close()
