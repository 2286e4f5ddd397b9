"""Stay connected to the Asterisk Manager Interface: hear events, ask actions.

The reader never waits for a handler: it answers whoever asked, and puts events into a bounded queue that a
task of its own empties. When the queue overflows, everything in it is dropped and the caller resynchronises
from the list of channels, as after every reconnect. Unanswered actions fail and are never sent again. Used by
`ivr.app`; events usually go to `ivr.ami.watch`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from ivr.ami import protocol
from ivr.ami.protocol import Banner, Broken, Event, Incoming, Message, Response
from ivr.errors import AsteriskError
from ivr.log import logger

log = logger(__name__)

BACK_OFF_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
LOGIN_RETRY_S = 30.0  # a wrong secret does not get better quickly, and each try is a security event
CONNECT_TIMEOUT_S = 5.0
BOOT_TIMEOUT_S = 60.0  # Asterisk accepts logins before it has loaded its modules
RESYNC_TIMEOUT_S = 30.0
MAX_UNSENT_BYTES = 1_048_576  # Asterisk does not read: it is stopped or overloaded
MAX_LIST = 100_000  # items of one list
BATCH = 100  # events handled before other tasks get their turn
MAX_PENDING = 10_000  # actions waiting for their answer


class Refused(AsteriskError):
    """Asterisk answered an action with an error."""


class LoginRefused(Refused):
    """AMI did not accept user name or secret."""


class _Pending:
    """One action waiting for its answer."""

    __slots__ = ("future", "items", "listing", "name")

    def __init__(self, name: str, listing: bool, future: asyncio.Future[Response]) -> None:
        self.name, self.listing, self.future = name, listing, future
        self.items: list[Message] = []


class _Link(asyncio.Protocol):
    """One connection: bytes in, answers to their actions, events to the client."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.booted = asyncio.Event()
        self.pending: dict[str, _Pending] = {}
        self._on_event = on_event
        self._parser = protocol.Parser()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        for incoming in self._parser.feed(data):
            self._take(incoming)

    def connection_lost(self, exc: BaseException | None) -> None:
        for future in (self.greeted, self.ended):
            if not future.done():
                future.set_result(None)
        waiting, self.pending = self.pending, {}
        for action in waiting.values():
            if not action.future.done():
                action.future.set_exception(AsteriskError(f"AMI link lost before {action.name} was answered"))

    def send(self, line: bytes, pending: _Pending, action_id: str) -> None:
        assert self._transport is not None
        self.pending[action_id] = pending
        self._transport.write(line)

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, incoming: Incoming) -> None:
        if isinstance(incoming, Event):
            self._take_event(incoming)
        elif isinstance(incoming, Response):
            self._take_response(incoming)
        elif isinstance(incoming, Banner):
            if not self.greeted.done():
                self.greeted.set_result(None)
        elif isinstance(incoming, Broken):
            log.warning("ami_broken", reason=incoming.reason)
            self.abort()
        else:
            log.debug("ami_junk", first=str(incoming.fields[:1])[:80])

    def _take_event(self, event: Event) -> None:
        asked = self.pending.get(event.action_id) if self.pending and "ActionID" in event else None
        if asked is None or not asked.listing:
            if event.name == "FullyBooted":
                self.booted.set()
            self._on_event(event)
            return
        if event.get("EventList").lower() in ("complete", "cancelled"):
            self._finish(event.action_id, Response((("Response", "Success"),)))
            return
        asked.items.append(event)
        if len(asked.items) > MAX_LIST:
            self._finish(event.action_id, AsteriskError(f"AMI list {asked.name} has over {MAX_LIST} items"))

    def _take_response(self, response: Response) -> None:
        asked = self.pending.get(response.action_id)
        if asked is None:
            log.debug("ami_answer_unasked", response=response.get("Message"))
        elif not response.success:
            message = response.get("Message", "no reason given")
            self._finish(response.action_id, Refused(f"AMI {asked.name}: {message}"))
        elif not (asked.listing and response.starts_list):
            self._finish(response.action_id, response)

    def _finish(self, action_id: str, outcome: Response | AsteriskError) -> None:
        future = self.pending.pop(action_id).future
        if future.done():
            return
        if isinstance(outcome, Response):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


class AmiClient:
    """A link to AMI that comes back by itself.

    on_event  is called for every event outside lists, in order; it must not block.
    on_resync  is awaited after every (re)connect and after an overflow, before later events are handled.
    ping_s, ping_timeout_s  a link that does not answer is dead after their sum.
    queue_size  events kept for a slow handler; one more drops them all and resynchronises.
    connected  logged in, Asterisk fully booted, resynchronised once on this link.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        on_event: Callable[[Event], None],
        on_resync: Callable[[], Awaitable[None]],
        ping_s: float = 5.0,
        ping_timeout_s: float = 5.0,
        queue_size: int = 10_000,
    ) -> None:
        self.connected = False
        self.overflows = 0
        self._address, self._username, self._secret = (host, port), username, secret
        self._handle_event, self._on_resync = on_event, on_resync
        self._ping_s, self._ping_timeout_s, self._queue_size = ping_s, ping_timeout_s, queue_size
        self._link: _Link | None = None
        self._next_id = 0
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._resync_due = False
        self._tries = 0

    async def run(self) -> None:
        """Connect, log in, resynchronise, listen; again for ever. Ends only when cancelled."""
        while True:
            try:
                await self._one_link()
                delay_s = self._delay_s()
            except LoginRefused as refused:
                delay_s = LOGIN_RETRY_S
                log.error("ami_login_refused", host=self._address[0], port=self._address[1],
                          user=self._username, why=str(refused), retry_s=delay_s)  # fmt: skip
            except (OSError, TimeoutError, AsteriskError) as error:
                delay_s = self._delay_s()
                log.warning("ami_down", host=self._address[0], port=self._address[1],
                            why=str(error) or type(error).__name__, retry_s=delay_s)  # fmt: skip
            await asyncio.sleep(delay_s)

    async def action(
        self, name: str, /, *, timeout_s: float = 5.0, **headers: str | Sequence[str]
    ) -> Message:
        """Send one action and return its response.

        Raises ValueError before anything is sent; AsteriskError when it is refused, when the link is down or
        breaks, or after `timeout_s`. A lost action may have been carried out: look, do not repeat it.
        """
        response, _ = await self._ask(name, headers, timeout_s, listing=False)
        return response

    async def action_list(
        self, name: str, /, *, timeout_s: float = 10.0, **headers: str | Sequence[str]
    ) -> list[Message]:
        """Send an action answered by a list, such as `Status`; return its items. Raises as `action`."""
        _, items = await self._ask(name, headers, timeout_s, listing=True)
        return items

    async def _ask(
        self, name: str, headers: dict[str, str | Sequence[str]], timeout_s: float, *, listing: bool
    ) -> tuple[Response, list[Message]]:
        self._next_id += 1
        action_id = f"h-{self._next_id}"
        line = protocol.action(name, action_id, headers)
        link = self._link
        if link is None or link.ended.done():
            raise AsteriskError(f"AMI is not connected, {name} was not sent")
        if len(link.pending) >= MAX_PENDING or link.unsent > MAX_UNSENT_BYTES:
            raise AsteriskError(f"AMI has {len(link.pending)} unanswered actions, {name} was not sent")
        asked = _Pending(name, listing, asyncio.get_running_loop().create_future())
        link.send(line, asked, action_id)
        try:
            async with asyncio.timeout(timeout_s):
                return await asked.future, asked.items
        except TimeoutError:
            raise AsteriskError(f"AMI did not answer {name} within {timeout_s:g} s") from None
        finally:
            link.pending.pop(action_id, None)

    def _delay_s(self) -> float:
        delay_s = BACK_OFF_S[min(self._tries, len(BACK_OFF_S) - 1)]
        self._tries += 1
        return delay_s

    async def _one_link(self) -> None:
        """Live through one connection, from connecting to its end."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, link = await loop.create_connection(lambda: _Link(self._queue), *self._address)
        try:
            self._link = link
            await self._log_in(link)
            self._events.clear()
            self._resync_due = True
            self._wake.set()
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(self._dispatch()), tasks.create_task(self._ping(link))]
                await link.ended
                for helper in helpers:
                    helper.cancel()
            log.warning("ami_lost", host=self._address[0], port=self._address[1])
        finally:
            self.connected = False
            self._link = None
            link.abort()

    async def _log_in(self, link: _Link) -> None:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await link.greeted
        if link.ended.done():
            raise AsteriskError("AMI closed the connection without a greeting (is this address permitted?)")
        try:
            await self.action("Login", Username=self._username, Secret=self._secret)
        except Refused as error:
            if "Already In Use" in str(error):  # our own dead link, until Asterisk notices
                raise
            raise LoginRefused(str(error)) from error
        try:
            async with asyncio.timeout(BOOT_TIMEOUT_S):
                await link.booted.wait()
        except TimeoutError:
            raise AsteriskError("no FullyBooted event (does the AMI user have read = system?)") from None

    def _queue(self, event: Event) -> None:
        """Take one event from the reader; never waits."""
        if len(self._events) >= self._queue_size:
            self._events.clear()
            self._resync_due = True
            self.overflows += 1
            log.warning("ami_overflow", dropped=self._queue_size)
        self._events.append(event)
        self._wake.set()

    async def _dispatch(self) -> None:
        """Hand queued events to the handler, resynchronising first when it is due."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._events or self._resync_due:
                if self._resync_due:
                    self._resync_due = False
                    await self._resync()
                for _ in range(min(BATCH, len(self._events))):
                    self._handle(self._events.popleft())
                await asyncio.sleep(0)

    async def _resync(self) -> None:
        try:
            async with asyncio.timeout(RESYNC_TIMEOUT_S):
                await self._on_resync()
        except Exception:
            log.exception("ami_resync_failed")
            if self._link is not None:
                self._link.abort()
            return
        self.connected = True
        self._tries = 0

    def _handle(self, event: Event) -> None:
        try:
            self._handle_event(event)
        except Exception:
            log.exception("ami_handler_crashed", event_name=event.name)

    async def _ping(self, link: _Link) -> None:
        while True:
            await asyncio.sleep(self._ping_s)
            try:
                await self.action("Ping", timeout_s=self._ping_timeout_s)
            except AsteriskError as error:
                log.warning("ami_dead", why=str(error))
                link.abort()
                return
