"""Composition root: builds every part of one controller once, runs them in one TaskGroup, drains on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import uvloop
from redis.asyncio import Redis

from ivr import asterisk, log
from ivr.agent_codes import AgentCodes
from ivr.agi.channel import Channel
from ivr.agi.server import AgiServer
from ivr.ami.client import AmiClient
from ivr.ami.watch import Watch
from ivr.announce.live import Live
from ivr.announce.publish import Publisher
from ivr.call import CALLBACK_ID, Call
from ivr.callback_desk import CallBackDesk
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.dialler import Dialler
from ivr.errors import PeerError
from ivr.flow import load as flows
from ivr.flow.load import Dialplans
from ivr.last_known_good import LastKnownGood
from ivr.lending import Lending
from ivr.metrics import Metrics, Seen
from ivr.phone_desk import PhoneDesk
from ivr.radar_watch import RadarWatch
from ivr.record.model import CallRecord
from ivr.record.orphans import close_orphans
from ivr.record.store import Records
from ivr.restoration import Restoration
from ivr.session import Parts, Session
from ivr.settings import Settings
from ivr.versions.canary import CanaryWatch
from ivr.versions.live import Edition, LiveDialplans
from ivr.webhook import Webhooks
from routing.errors import RoutingError
from routing.model import AgentView, WaitingCall
from routing.router import Router

logger = log.logger(__name__)

DRAIN_S = 5.0  # calls that speak or ring may end by themselves so long after SIGTERM; waiting ones are handed over
SWEEP_S = 2.0  # channels are compared with the router's calls this often


class Controller:
    """One controller process: FastAGI server, AMI client, router, announcements, records."""

    def __init__(self, settings: Settings) -> None:
        secrets = asterisk.load_secrets(settings)
        self.settings = settings
        self.database = Database(settings)
        self.redis = router_redis(settings)
        self.watch = Watch()
        self.ami = AmiClient(
            "127.0.0.1",
            settings.ami_port,
            asterisk.AMI_USER,
            secrets.ami_controller,
            on_event=self.watch.feed,
            on_resync=self._resync,
        )
        name = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.node = asterisk.node(settings)
        self.router = Router(self.redis, controller_id=name, node=self.node, on_reset=self._sign_in_again)
        self.lending = Lending(self.router)
        self.signed_in: frozenset[str] = frozenset()
        self.nobody_seen = False
        self.compared = False
        self.live = Live(self.database, self.redis, settings)
        self.dialplans = LiveDialplans(self.database, self.redis, settings, name, on_change=self._dialplans_changed)
        self.canary = CanaryWatch(self.dialplans)
        publisher = Publisher(self.database, settings, self.redis)
        self.radar = RadarWatch(self.live, publisher, self.redis, name)
        self.parts = Parts(
            settings=settings,
            dialplans=self.dialplans.snapshot.live.dialplans,
            prompts=self.dialplans.snapshot.live.prompts,
            live=self.live,
            router=self.router,
            watch=self.watch,
            ami=self.ami,
            records=Records(self.database, on_call=self._noted),
            webhooks=Webhooks(settings.tokens),
        )
        self.metrics = Metrics(Seen(
            self.live, self.ami, self.router, self.parts.records,
            dialplans=lambda: self.parts.dialplans, calls_up=lambda: len(self.parts.calls),
        ))  # fmt: skip
        self.parts.records.on_hearing = self.metrics.heard
        self.restoration: Restoration | None = None
        if settings.trunk_to:
            dialler = Dialler(settings, secrets.ami_dialler)
            self.parts.callbacks = CallBackDesk(self.parts, self.database, dialler, name)
            self.restoration = Restoration(self.parts, self.database, dialler, name)
        self.agents = Agents(self.database)
        self.codes = AgentCodes(self.agents, self.router, self.parts)
        self.phone_desk = PhoneDesk(publisher, self.parts)
        self.last_known_good = LastKnownGood(self.ami, self.live, self.parts)
        self.live.on_change = self.last_known_good.write
        self.server = AgiServer(token=secrets.agi_token, handler=self.handle)

    async def run(self, on_ready: Callable[[Dialplans], None], stop: asyncio.Event) -> None:
        """Serve calls until `stop` is set, then drain. A part that breaks ends the controller: it is started again.

        on_ready  called once with what callers are led by.
        No TaskGroup: a library that swallows one cancellation (redis-py on Python 3.11) must not keep us alive.
        """
        await self.dialplans.start()
        running = [
            asyncio.create_task(work)
            for work in self._works()
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await self.live.wait_loaded()
            await self.server.start("127.0.0.1", self.settings.agi_port)
            tasks: list[asyncio.Task[Any]] = [*running, stopping]
            if await self._wait_connected(tasks):
                on_ready(self.parts.dialplans)
                self._open_webhooks()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._drain()
        finally:
            stopping.cancel()
            for _ in range(2):
                for task in running:
                    task.cancel()
                ended, _ = await asyncio.wait(running, timeout=1)
        await self.parts.webhooks.close()
        await self.router.close()
        await self.redis.aclose()
        await self.database.close()
        for task in ended:
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def handle(self, channel: Channel) -> None:
        """Lead one FastAGI connection: a call, an agent's feature code, or doctor's ping."""
        kind = channel.path_args[0] if channel.path_args else "call"
        if kind == "ping":
            await channel.command("NOOP", timeout_s=2.0)
        elif kind == "callback" and self.parts.callbacks:
            await self.parts.callbacks.handle(channel)
        elif kind == "restored" and self.restoration:
            await self.restoration.handle(channel)
        elif channel.path_args[:2] == ("agent", "announce"):
            await self.phone_desk.handle(channel)
        elif kind == "agent":
            await self.codes.handle(channel, *channel.path_args[1:3])
        else:
            await self._call(channel)

    async def _call(self, channel: Channel) -> None:
        headers = channel.headers
        dnis = headers.get("agi_arg_1", "")
        resume, edition = await self._edition(headers.get("agi_arg_4", ""), headers.get("agi_uniqueid", ""), dnis)
        number = edition.dialplans.numbers.get(dnis)
        if number is None:
            logger.warning("a number without a flow was called", dnis=dnis)
            await channel.set_variable("HOTLINE_DONE", "unknown-number")
            return
        call = Call(
            headers.get("agi_uniqueid", ""),
            headers.get("agi_arg_2", ""),
            dnis,
            headers.get("agi_channel", ""),
            channel.tainted,
        )
        session = Session(
            channel,
            self.parts,
            call,
            number,
            edition=edition,
            resume=resume,
            was_talking=headers.get("agi_arg_5", "") == "ANSWER",
        )
        await session.run()

    async def _edition(self, resume: str, call_id: str, dnis: str) -> tuple[str, Edition]:
        """Return where a call goes on, and the edition it follows: the one it began with, else one for a new call."""
        resume, _, version = resume.partition("@")
        if version:
            return resume, await self.dialplans.edition_of(version)
        return resume, self.dialplans.edition(call_id, dnis)

    async def _dialplans_changed(self) -> None:
        """Everything but the calls that are up follows what is live now."""
        live = self.dialplans.snapshot.live
        self.parts.dialplans, self.parts.prompts = live.dialplans, live.prompts
        self._open_webhooks()
        if self.ami.connected:
            await self.last_known_good.write()

    def _open_webhooks(self) -> None:
        if self.parts.dialplans.webhooks:
            asyncio.get_running_loop().run_in_executor(None, self.parts.webhooks.open)

    def _noted(self, record: CallRecord) -> None:
        self.canary.noted(record)
        self.radar.noted(record)
        self.metrics.noted(record)

    # -- kept running

    def _works(self) -> tuple[Coroutine[Any, Any, None], ...]:
        desk = self.parts.callbacks
        calling_back = (desk.run(), desk.dialler.run()) if desk else ()
        telling = (self.restoration.run(),) if self.restoration else ()
        work = (self.ami.run(), self.live.run(), self.parts.records.run(), self._route(), self._sweep())
        measuring = self.metrics.run(self.settings.metrics_port)
        return *work, measuring, self.dialplans.run(), self.canary.run(), self.radar.run(), *calling_back, *telling

    async def _route(self) -> None:
        await self.router.start()
        await self.router.run()

    async def _wait_connected(self, tasks: list[asyncio.Task[Any]]) -> bool:
        """Return True when AMI is connected, False when one of `tasks` ended before."""
        while not any(task.done() for task in tasks):
            if self.ami.connected:
                return True
            await asyncio.sleep(0.05)
        return False

    async def _sweep(self) -> None:
        """Every SWEEP_S: remember who is signed in, who may lend; compare the channels when the router knows calls
        we do not lead.

        Listing the channels costs Asterisk and us an event per channel, so not without a reason.
        """
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                snapshot = await self.router.snapshot()
                self.metrics.swept(snapshot)
                self._remember_agents(snapshot.agents)
                await self.lending.look(self.parts.dialplans.queues)
                if self.ami.connected and any(self._is_strange(call) for call in snapshot.calls):
                    await self._reconcile()
            except (PeerError, RoutingError) as error:
                logger.warning("reconciliation put off", error=str(error))

    def _is_strange(self, call: WaitingCall) -> bool:
        """Is this a call we do not lead, and not one that is called back and has no channel yet?"""
        if call.call_id in self.parts.calls:
            return False
        return not (call.call_id.startswith(CALLBACK_ID) and call.state in ("waiting", "offered"))

    async def _resync(self) -> None:
        """After each AMI (re)connect: compare calls, and write the announcements for the ladder again."""
        await self._reconcile()
        await self.last_known_good.write()

    async def _reconcile(self) -> None:
        """Free what belongs to calls whose channel is gone, and close their records."""
        channels = await self.watch.resync_from(self.ami)
        living = {message.get("Uniqueid") for message in channels} | set(self.parts.calls)
        gone = await self.router.reconcile(living)
        if gone or not self.compared:
            closed = await close_orphans(self.database, self.node, living)
            self.compared = True
            if gone or closed:
                logger.warning("calls ended while no controller held them", freed=len(gone), closed=len(closed))

    def _remember_agents(self, agents: Collection[AgentView]) -> None:
        """Know who is signed in, so that a Redis that comes back empty does not send everybody home.

        Nobody at all is believed at the second look: by then an empty Redis has been noticed and filled again.
        """
        if agents or self.nobody_seen:
            self.signed_in = frozenset(agent.agent_id for agent in agents if agent.status == "in")
        self.nobody_seen = not agents

    async def _sign_in_again(self) -> None:
        self.lending.forget()
        here = {agent.agent_id for agent in (await self.router.snapshot()).agents}
        lost = [a for a in await self.agents.list() if a.agent_id in self.signed_in - here]
        await self.router.restore(self.agents.profile(agent) for agent in lost)

    async def _drain(self) -> None:
        """Take no new calls, give those in the middle of something a moment, hand over the rest."""
        await self.server.stop_accepting()
        ends = time.monotonic() + DRAIN_S
        while self.parts.calls and time.monotonic() < ends and self.ami.connected:
            await asyncio.sleep(0.1)
        if self.parts.callbacks:
            await self.parts.callbacks.close()
        if self.restoration:
            await self.restoration.close()
        await self.server.close()
        await self.parts.records.flush()


def router_redis(settings: Settings) -> Redis:
    """Return the command client: short time-outs, few retries (scripts carry request ids)."""
    return Redis.from_url(settings.redis_address, socket_timeout=1.0, socket_connect_timeout=1.0, decode_responses=True)


def load_dialplans(settings: Settings) -> Dialplans:
    """Load and check the dialplans with the prompts that exist."""
    return flows.load(settings.dialplans_dir, flows.prompt_keys(*settings.prompt_dirs))


def serve(settings: Settings, on_ready: Callable[[Dialplans], None]) -> None:
    """Run one controller until SIGTERM or SIGINT."""
    log.configure(settings.log_level, settings.log_format)

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await Controller(settings).run(on_ready, stop)

    uvloop.run(main())
