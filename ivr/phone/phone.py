"""Real SIP phones: register, ring, talk, press keys, and keep every sample they hear.

For the demo, `ivr phone call` and the tests; nothing on the way of a call imports it. The phones of a process
share one SIP stack (baresip), so open one `Phones` at a time:

    async with Phones(server="127.0.0.1:5060") as phones:
        call = await phones.call("100", from_number="+48221234567")
        await call.wait_answered()
        await call.send_keys("w2,1")
        ending = await call.wait_ended()
        call.save(Path("heard.wav"))

Audio is G.711, so everything heard or said is 8 kHz mono int16.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Self

import baresip

from ivr.errors import PhoneError
from ivr.phone.ear import Pcm, Pump, tone
from ivr.phone.phonecall import Ending, PhoneCall

__all__ = ["Ending", "Manner", "Phone", "PhoneCall", "Phones"]

ANONYMOUS = "anonymous"
RTP_PORTS = (16000, 31998)  # clear of Asterisk's range and of the system's ephemeral ports

logging.getLogger("baresip").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Manner:
    """What a phone does with an incoming call.

    answer_after_s  None lets it ring for ever.  busy  reject with 486 after that time instead.
    says  audio to say once answered; loop repeats it.  hang_up_after_s  seconds of talk, None never.
    """

    answer_after_s: float | None = 0.0
    busy: bool = False
    says: Pcm | None = None
    loop: bool = False
    hang_up_after_s: float | None = None


class Phone:
    """One identity that can register, call and be called. Lets calls ring until told otherwise (`auto_*`)."""

    def __init__(self, agent: baresip.UserAgent, phones: Phones, user: str) -> None:
        self._agent, self._phones, self.user = agent, phones, user
        self.registered = False
        self.incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.calls: list[PhoneCall] = []
        self._manner = Manner(answer_after_s=None)
        agent.on_incoming(self._ring)

    async def register(self) -> None:
        """Register with the server. Raises PhoneError with the server's reason."""
        try:
            await self._agent.register()
        except baresip.BaresipError as error:
            where = self._phones.server
            raise PhoneError(f"phone {self.user} could not register at {where}: {error}") from error
        self.registered = True

    async def unregister(self) -> None:
        """Take the registration back."""
        if self.registered:
            self.registered = False
            with contextlib.suppress(baresip.BaresipError):
                await self._agent.unregister(timeout=2.0)

    async def call(self, uri: str, from_number: str | None = None) -> PhoneCall:
        """Dial `uri` (a number of the server, or a complete `sip:` URI); returns while it rings.

        from_number  call as this number through the trunk instead of as this phone.
        Raises PhoneError when nothing could be sent.
        """
        if from_number is not None and from_number != self.user:
            return await self._phones.call(uri, from_number=from_number)
        target = uri if uri.startswith("sip:") else f"sip:{uri}@{self._phones.server}"
        with self._phones.early_events() as early:
            try:
                dialled = await self._agent.dial(target)
            except (baresip.BaresipError, ValueError) as error:
                raise PhoneError(f"phone {self.user} could not call {target}: {error}") from error
            call = self._adopt(PhoneCall(dialled, self._phones.pump, outgoing=True, number=self.user))
            for event in early:
                dialled._on_stack_event(event)  # others' events are not for it: it filters
        return call

    def behave(self, manner: Manner) -> None:
        """Treat incoming calls this way from now on."""
        self._manner = manner

    def auto_answer(
        self, after_s: float = 0.0, tone_hz: float | None = None, hang_up_after_s: float | None = None
    ) -> None:
        """Answer every call after `after_s`, say a tone, hang up after `hang_up_after_s` of talk."""
        says = None if tone_hz is None else tone(tone_hz)
        self.behave(Manner(after_s, says=says, loop=True, hang_up_after_s=hang_up_after_s))

    def auto_busy(self, after_s: float = 0.0) -> None:
        """Reject every call with 486."""
        self.behave(Manner(after_s, busy=True))

    def never_answer(self) -> None:
        """Let every call ring."""
        self.behave(Manner(answer_after_s=None))

    def _ring(self, native: baresip.Call) -> None:
        call = self._adopt(PhoneCall(native, self._phones.pump, outgoing=False, number=self.user))
        self.incoming.put_nowait(call)
        if self._manner.answer_after_s is not None:
            self._phones.spawn(_follow(call, self._manner, self._manner.answer_after_s))

    def _adopt(self, call: PhoneCall) -> PhoneCall:
        self.calls.append(call)
        return call


async def _follow(call: PhoneCall, manner: Manner, after_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await call.wait_ended(after_s)
        return None  # the caller gave up first
    if manner.busy:
        return await call.reject()
    await call.answer()
    if not await call.wait_answered():
        return None
    if manner.says is not None:
        call.say(manner.says, loop=manner.loop)
    if manner.hang_up_after_s is not None:
        with contextlib.suppress(TimeoutError):
            await call.wait_ended(manner.hang_up_after_s)
        await call.hang_up()
    return None


class Phones:
    """All phones of this process. Async context manager: leaving it hangs up, unregisters, frees everything.

    server  host:port calls and registrations go to.  port  our own SIP port, 0 takes a free one.
    codec  'pcmu' or 'pcma'.  The stack's one temporary folder goes with it.
    """

    def __init__(
        self, server: str = "127.0.0.1:5060", *, host: str = "127.0.0.1", port: int = 0, codec: str = "pcmu"
    ) -> None:
        self.server, self._host, self._port, self._codec = server, host, port, codec
        self.pump = Pump()
        self._runtime = baresip.Runtime()
        self._phones: list[Phone] = []
        self._callers: dict[str, Phone] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        rtp = f"rtp_ports {RTP_PORTS[0]}-{RTP_PORTS[1]}"
        config = baresip.Config(
            net_interface=self._host,
            max_concurrent_calls=None,
            native_log_level="error",
            extra_config_text=f"sip_listen {self._host}:{self._port}\n{rtp}\n",
        )
        try:
            await self._runtime.start(config)
        except baresip.BaresipError as error:
            raise PhoneError(f"the phones' SIP stack did not start: {error}") from error
        self.pump.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        up = [call for phone in self._phones for call in phone.calls if call.up]
        await asyncio.gather(*(call.hang_up() for call in up))
        await asyncio.gather(*(phone.unregister() for phone in self._phones))
        await asyncio.to_thread(self.pump.stop)
        await self._runtime.close()

    async def phone(self, user: str, password: str | None = None, *, register: bool | None = None) -> Phone:
        """Make a phone; with a password it registers at once unless `register` is False.

        Raises PhoneError when the server refuses the registration.
        """
        phone = await self._make(user, self.server, password or "", interval_s=300 if password else 0)
        if register if register is not None else password is not None:
            await phone.register()
        return phone

    async def call(self, uri: str, *, from_number: str = "") -> PhoneCall:
        """Call as a trunk does: no registration, the From user is `from_number`, '' withholds it."""
        if from_number not in self._callers:
            user, domain = (from_number, self.server) if from_number else (ANONYMOUS, "anonymous.invalid")
            self._callers[from_number] = await self._make(user, domain, "", interval_s=0)
        return await self._callers[from_number].call(uri)

    async def _make(self, user: str, domain: str, password: str, *, interval_s: int) -> Phone:
        try:
            account = baresip.Account(user, domain, password, reg_interval=interval_s, audio_codecs=(self._codec,))
            agent = await baresip.UserAgent.create(self._runtime, account)
        except (baresip.BaresipError, ValueError) as error:
            raise PhoneError(f"phone {user!r} could not be made: {error}") from error
        phone = Phone(agent, self, user)
        self._phones.append(phone)
        return phone

    @contextlib.contextmanager
    def early_events(self) -> Iterator[list[baresip.StackEvent]]:
        """Collect the stack's events while a call is dialled.

        A refusal within a millisecond is reported before the stack has made the call's object, which then would
        never hear of its end.
        """
        events: list[baresip.StackEvent] = []
        self._runtime.subscribe(events.append)
        try:
            yield events
        finally:
            self._runtime.unsubscribe(events.append)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` until it ends or the phones close."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logging.getLogger(__name__).error("a phone's own task failed: %r", error)
