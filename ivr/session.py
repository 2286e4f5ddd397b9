"""One call, one task: performs what the flow yields on the channel, and tells the flow what happened.

The way of a call is read here from top to bottom. Only this task commands the channel; a hang-up at any
point raises CallEnded in `Channel` and is caught once, in `Session.run`. May import flow, announce,
routing, record and `agi`; called by `app.py` for every FastAGI connection.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from ivr import log
from ivr.agi.channel import Channel
from ivr.ami.client import AmiClient
from ivr.ami.watch import Watch
from ivr.announce.live import Live
from ivr.call import Call, mask
from ivr.call_facts import Questions, look
from ivr.callback import callback
from ivr.errors import AgiError, AsteriskError, CallEnded
from ivr.flow import commands as c
from ivr.flow.load import Dialplans, Number, QueueConfig
from ivr.flow.place import read_place, read_variables, write_variables
from ivr.flow.run import run
from ivr.known import check_hours, find_announcements, find_customer, find_state, recall_customer
from ivr.listening import Listening, Meter
from ivr.message import message
from ivr.opt_in import opt_in
from ivr.queueing import wait_in_queue
from ivr.record import trace as t
from ivr.record.hearing import CONTINUE, HUNG_UP
from ivr.record.store import CallLog, Records
from ivr.settings import Settings
from ivr.sound import Clip, Phrase, PromptSet, SayDigits, SayNumber
from ivr.transfer import transfer
from ivr.webhook import Webhooks, fetch
from routing.router import Router

if TYPE_CHECKING:
    from ivr.callback_desk import CallBackDesk
    from ivr.versions.live import Edition

logger = log.logger(__name__)

RESUMED = ("menu", "collect", "identify", "language", "queue", "survey", "callback", "message")
LISTENED = ("announce", "status")  # kinds that play announcements
LEASE_MARGIN_S = 5.0  # a prompt may run this much longer than its file says before the ladder takes over


@dataclass
class Parts:
    """What a session leans on, built once by `app.py`. `dialplans` and `prompts` are swapped whole."""

    settings: Settings
    dialplans: Dialplans
    prompts: PromptSet
    live: Live
    router: Router
    watch: Watch
    ami: AmiClient
    records: Records
    calls: dict[str, Session] = field(default_factory=dict)
    webhooks: Webhooks = field(default_factory=Webhooks)
    questions: Questions = field(default_factory=Questions)
    callbacks: CallBackDesk | None = None


class Session:
    """One caller's call, from the first prompt to the record."""

    def __init__(
        self, channel: Channel, parts: Parts, call: Call, number: Number, *, resume: str, was_talking: bool,
        edition: Edition | None = None,
    ):  # fmt: skip
        """resume  `place|language|queue` left by a controller that died (flow/place.py), '' for a new call.

        was_talking  that controller died while the caller talked to an agent, and the talk is over.
        edition  flows and prompts this call follows to its end; None: what is live now.
        """
        self.channel, self.parts, self.call, self.number = channel, parts, call, number
        self.place, language, self.resumed_queue = (*resume.split("|"), "", "")[:3]
        self.step, self.flow = "", number.flow
        self.was_talking = was_talking
        self.connected = False
        self.customer = None if call.tainted else parts.live.customer(call.ani)
        self.language = language or (self.customer.language if self.customer else "") or number.language
        self.edition = edition  # in memory as long as a call holds it
        self.prompts = edition.prompts if edition else parts.prompts
        self.dialplans = edition.dialplans if edition else parts.dialplans
        self.log: CallLog = parts.records.begin(
            call,
            datetime.now(ZoneInfo(parts.settings.timezone)),
            number=number,
            language=self.language,
            flow_version=self.dialplans.version,
            resumed=bool(resume),
        )
        self.listening = Listening(self)
        self.kept: dict[str, str] = {}
        self.disposition = "failed"
        self.lease_ends = time.monotonic() + parts.settings.entry_lease_s

    async def run(self) -> None:
        """Lead the call to its end; afterwards its record is on its way to the database."""
        structlog.contextvars.bind_contextvars(call_id=self.call.call_id)
        self.parts.calls[self.call.call_id] = self
        try:
            if self.was_talking:
                await self._finish_talk()
            else:
                await self._follow_flow()
        except CallEnded as end:
            self.disposition = "hung_up" if self.disposition == "failed" else self.disposition
            self.listening.decided(HUNG_UP)
            self.log.add(t.HUNG_UP, self.step, by=type(end).__name__)
        except Exception as error:  # a bug or a broken part ends this call only, and its caller reaches the ladder
            logger.exception("call failed", step=self.step, error=str(error))
            await self._to_ladder(str(error))
        finally:
            del self.parts.calls[self.call.call_id]
            self.listening.decided(CONTINUE)
            self.log.finish(self.disposition)
            logger.info(
                "call ended",
                ani=mask(self.call.ani),
                dnis=self.call.dnis,
                flow=self.number.flow,
                disposition=self.disposition,
                ms=self.log.now_ms(),
            )

    async def _follow_flow(self) -> None:
        flows = self.dialplans.flows
        place = read_place(self.place, flows)
        if place:
            self.flow, self.step = place[-1]
            self.kept = read_variables(await self.channel.get_variable("HOTLINE_VARIABLES") or "")
            await recall_customer(self)
            self.log.add(t.REATTACHED, self.step)
        else:
            await self.channel.answer()
        generator = run(flows[self.number.flow], flows, place=self.place, variables=self.kept)
        event: c.Event | None = None
        while True:
            command = generator.send(event) if event is not None else next(generator)
            if isinstance(command, c.HangUp):
                await self._hang_up(command)
                return
            event = await self._perform(command)

    async def _finish_talk(self) -> None:
        """A talk outlived the controller that began it: close it, do not queue the caller again."""
        self.log.add(t.REATTACHED, self.step, talk=True)
        self.disposition = "agent"
        await self.parts.router.complete(self.call.call_id)
        await self.channel.hangup()

    async def _perform(self, command: c.Command) -> c.Event:
        match command:
            case c.Enter():
                return await self._enter(command)
            case c.Leave():
                return await self._leave(command)
            case c.Play():
                if command.of is not None:
                    key = await self.listening.play(command.of, command.phrases, command.keys)
                else:
                    key = await self.play(command.phrases, command.keys)
                if key:
                    self.log.add(t.PRESSED, self.step, key=key)
                return c.Heard(key)
            case c.Ask():
                return c.Digits(await self._ask(command))
            case c.SetLanguage():
                self.language = command.language
                self.log.language = command.language
                self.log.add(t.LANGUAGE, self.step, language=command.language)
                return c.Done()
            case c.FindAnnouncements():
                return c.Found(await find_announcements(self, command.service))
            case c.FindState():
                return await find_state(self, command.service)
            case c.FindCustomer():
                return await find_customer(self, command)
            case c.Look():
                return await look(self, command.facts)
            case c.CheckHours():
                return check_hours(self, command.name)
            case c.Fetch():
                return await fetch(self, command)
            case _:
                return await self._connect(command)

    async def _connect(self, command: c.Command) -> c.Event:
        match command:
            case c.Queue():
                queued = await wait_in_queue(self, command.queue)
                if queued.outcome == "answered":
                    self._was_connected("agent")
                return queued
            case c.Transfer():
                transferred = await transfer(self, command.target, command.ring_s)
                if transferred.outcome == "answered":
                    self._was_connected("transferred")
                return transferred
            case c.OfferCallback():
                booked = await callback(self, self.dialplans.queues[command.queue], None)
                return c.Arranged("booked" if booked else "declined")
            case c.TakeMessage():
                kept = await message(self, self.dialplans.queues[command.queue])
                return c.Arranged("kept" if kept else "none")
            case c.OptIn():
                booked = await opt_in(self, command.announcement_ids)
                return c.Arranged("booked" if booked else "declined")
            case c.Answer():
                self.log.surveyed(command.survey, command.question, command.points, self.step)
                return c.Done()
            case c.Keep():
                self.kept[command.name] = command.value
                await self.channel.set_variable("HOTLINE_VARIABLES", write_variables(self.kept))
                return c.Done()
        raise AssertionError(f"{command!r} is not performed")

    async def _enter(self, command: c.Enter) -> c.Event:
        self.step, self.flow, self.place = command.step, command.flow, command.place
        self.log.add(t.ENTERED, command.step, flow=command.flow, kind=command.kind)
        if command.kind in RESUMED:  # where a second controller may take over
            await self.lease(0)
            await self._remember(f"{command.place}|{self.language}")
            if self.connected:  # it is not the talk that he is to be led on from
                self.connected = False
                await self.channel.set_variable("HOTLINE_DIALSTATUS", "")
        return c.Done()

    async def _leave(self, command: c.Leave) -> c.Event:
        self.log.add(t.LEFT, command.step, flow=command.flow, outcome=command.outcome, detail=command.detail)
        if self.dialplans.flows[command.flow].steps[command.step].kind in LISTENED:
            self.listening.decided(command.outcome)
            await self.listening.remember()
        return c.Done()

    async def _hang_up(self, command: c.HangUp) -> None:
        """End the call; one that a fault ended goes to Asterisk's ladder instead, which reaches somebody."""
        self.disposition = command.disposition
        if command.disposition == "failed":
            await self._to_ladder("the flow could not help")
        else:
            await self.channel.hangup()

    async def _to_ladder(self, why: str) -> None:
        """Give the caller to Asterisk's ladder: it speaks, then rings the emergency phones."""
        self.log.add(t.LADDER, self.step, why=why)
        with contextlib.suppress(CallEnded, AsteriskError):
            await self.channel.set_variable("HOTLINE_DONE", "ladder")

    # -- speaking and listening

    async def lease(self, needed_s: float) -> None:
        """Let the caller be ours for `needed_s` more seconds and a margin; then Asterisk's ladder takes over."""
        now = time.monotonic()
        if self.lease_ends - now < needed_s + 1.0:
            seconds = int(needed_s + LEASE_MARGIN_S + 1)
            await self.channel.set_autohangup(seconds)
            self.lease_ends = now + seconds

    async def no_lease(self) -> None:
        """Let the caller stay connected without us: before a bridge."""
        await self.channel.set_autohangup(0)
        self.lease_ends = float("inf")

    def take_lease_back(self) -> None:
        """After a bridge: the next `lease` arms it again."""
        self.lease_ends = 0.0

    async def play(self, phrases: tuple[Phrase, ...], keys: str = "", meter: Meter | None = None) -> str:
        """Play phrases; return the key that stopped them or ''. meter  learns how much of them was played."""
        for phrase in phrases:
            for stem in self.prompts.files(phrase, self.language):
                name = self._name(phrase, stem)
                seconds = self.prompts.seconds(stem)
                await self.lease(seconds)
                began = self.log.now_ms()
                try:
                    key = await self.channel.stream_file(stem, keys, timeout_s=seconds + 4.0)
                except AgiError as error:  # unreadable: the rest of what was to be said still is
                    logger.error("prompt not played", prompt=name, error=str(error))
                    continue
                finally:
                    if meter:
                        meter.played(self.log.now_ms() - began, seconds)
                self.log.add(t.PLAYED if not key else t.INTERRUPTED, self.step, prompt=name, from_ms=began)
                if key:
                    return key
        return ""

    def _name(self, phrase: Phrase, stem: str) -> str:
        """Return what the trace calls a file; digits and numbers may be what he entered, which is kept nowhere."""
        if isinstance(phrase, SayDigits | SayNumber):
            return "digits" if isinstance(phrase, SayDigits) else "number"
        return phrase.name if isinstance(phrase, Clip) else self.prompts.name(stem)

    async def _ask(self, command: c.Ask) -> str:
        text = await self.play(command.phrases, "0123456789*#")
        while text != command.finish and len(text) < command.most:
            await self.lease(command.timeout_s)
            key = await self.channel.wait_for_digit(int(command.timeout_s * 1000))
            if not key or key == command.finish:
                break
            text += key
        if len(text) == 1 and not command.secret and command.most == 1:
            self.log.add(t.PRESSED, self.step, key=text)
        elif text:
            self.log.add(t.PRESSED, self.step, keys=len(text))
        else:
            self.log.add(t.SILENT, self.step)
        return "" if text == command.finish else text

    # -- queues

    def queue(self, name: str) -> QueueConfig | None:
        """Return a queue of the dialplans this call began with, or of those live now; None when there is none."""
        return self.dialplans.queues.get(name) or self.parts.dialplans.queues.get(name)

    def take_resumed_queue(self) -> str:
        """Return, once, the queue a controller that died had led him to, '' for the step's own."""
        name, self.resumed_queue = self.resumed_queue, ""
        return name

    async def remember_queue(self, name: str) -> None:
        """Let a second controller find him in this queue, whatever the step says."""
        await self._remember(f"{self.place}|{self.language}|{name}")

    async def _remember(self, place: str) -> None:
        """Let a second controller go on from `place`, by the version this call began with (`app.py` splits it)."""
        await self.channel.set_variable("HOTLINE_STEP", f"{place}@{self.dialplans.version}")

    @property
    def caller(self) -> str:
        """Who calls, in one spelling of the number; '' when it is withheld or not to be believed."""
        return "" if self.call.tainted else self.log.record.ani

    def _was_connected(self, disposition: str) -> None:
        """He talked to somebody and stays: from now on that is how the call ended, whenever he leaves."""
        self.disposition, self.connected = disposition, True
