"""Place calls, of call-backs and to customers of a restored service: AMI Originate, by a user who may do nothing else.

The channel's Uniqueid is the id of the call-back or opt-in: what becomes of it is heard by id, here (the dialling
failed) and by `ami/watch.py` (it hung up). Who answers gets to [callback] or [restored] of dialplans/asterisk, and from
there to us over FastAGI. Built by `app.py` when there is a way out, called by `placed_call.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ivr import log
from ivr.ami.client import AmiClient
from ivr.ami.protocol import Event
from ivr.asterisk import AMI_DIALLER, TRUNK_OUT
from ivr.settings import Settings

logger = log.logger(__name__)


class Dialler:
    """One manager session that can place calls. Run `run` for ever."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self.settings = settings
        self._failed: dict[str, asyncio.Event] = {}
        self._ami = AmiClient(
            "127.0.0.1", settings.ami_port, AMI_DIALLER, secret, on_event=self._hear, on_resync=self._nothing
        )

    async def run(self) -> None:
        """Stay connected."""
        await self._ami.run()

    @property
    def connected(self) -> bool:
        return self._ami.connected

    @contextmanager
    def failing(self, call_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the dialling of `call_id` came to nothing."""
        event = self._failed[call_id] = asyncio.Event()
        try:
            yield event
        finally:
            del self._failed[call_id]

    async def dial(self, call_id: str, number: str, shown: str, context: str = "callback") -> None:
        """Let `number` ring. shown  the number it sees. Raises AsteriskError when Asterisk does not take it on.

        context  of the dialplan, where he gets to when he answers.
        number  what `ivr.number.to_call_back` let through: digits after one +.
        """
        if not number.removeprefix("+").isdecimal() or not number.isascii():
            raise AssertionError(f"not a checked number: {number!r}")
        await self._ami.action(
            "Originate",
            Channel=f"PJSIP/{number}@{TRUNK_OUT}",
            Context=context,
            Exten="s",
            Priority="1",
            Timeout=str(self.settings.callback_ring_s * 1000),
            CallerID=f"<{self.settings.trunk_number or shown}>",
            ChannelId=call_id,
            Async="true",
        )

    def _hear(self, event: Event) -> None:
        if event.name == "OriginateResponse" and event.get("Response") == "Failure":
            failed = self._failed.get(event.get("Uniqueid"))
            if failed:
                failed.set()

    async def _nothing(self) -> None:
        """After a reconnect nothing is to be caught up here: `ami/watch.py` lists the channels."""
