"""A caller leaves a message instead of waiting: he speaks after the tone, hears it if he wishes, and sends it.

Who hangs up after he has spoken has left it. Called by `queueing.py` for the queue's key and overflow `message`.
"""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ivr import log
from ivr.desk.messages import FOLDER, Message, Messages
from ivr.errors import AgiError, CallerHungUp, DatabaseError
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from ivr.sound import Prompt

if TYPE_CHECKING:
    from ivr.session import Session

logger = log.logger(__name__)

TIMES = 3  # he may record it so often
HEARD_MOST = 5
LEAST_S = 1.5  # shorter ones are taken for silence
SILENCE_S = 5
FINISH = "#*0123456789"
KEYS, KEY_S = "123", 5.0
RATE, WIDTH, HEADER_BYTES = 8000, 2, 44
BEEP_HZ, BEEP_S = 950, 0.4
CLOSED_S, LOOK_S = 2.0, 0.1  # after a hang-up Asterisk closes the file within this time


async def message(session: Session, queue: QueueConfig, entered_ms: int | None = None) -> bool:
    """Let the caller leave a message for `queue`. entered_ms  his place, which a message does not need.

    Returns True when it is kept and he has heard so, False when he left none and waits on.
    Raises CallEnded when he left meanwhile; `session.disposition` is `message` when it was kept all the same.
    """
    messages = Messages(session.parts.records.database)
    try:
        beep = await asyncio.to_thread(beep_file, messages.var / FOLDER)
        for _ in range(TIMES):
            taking = Taking(session, queue, messages, beep)
            if await taking.run():
                return True
    except (AgiError, DatabaseError, OSError) as error:
        logger.error("message not kept", error=str(error))
        await session.play((Prompt("message_failed"),))
    return False


class Taking:
    """One recording: spoken, perhaps heard again, sent or dropped."""

    def __init__(self, session: Session, queue: QueueConfig, messages: Messages, beep: Path) -> None:
        self.session, self.queue, self.messages, self.beep = session, queue, messages, beep
        self.now = datetime.now(UTC)
        self.message_id, self.file = messages.fresh_file(self.now)

    async def run(self) -> bool:
        """Return True when the message is kept; else its file is gone."""
        session = self.session
        kept = False
        try:
            await session.play((Prompt("message_intro"),), "#")
            await self._record()
            kept = await self._send() if self.seconds() >= LEAST_S and await self._wanted() else False
            if kept:
                await session.play((Prompt("message_saved"),))
            elif self.seconds() < LEAST_S:
                await session.play((Prompt("message_empty"),))
            return kept
        except CallerHungUp:
            if not kept and await self._closed() >= LEAST_S:
                kept = await self._send()
            raise
        finally:
            if not kept:
                self.file.unlink(missing_ok=True)

    def seconds(self) -> float:
        """Return how long the recording is, by its size: the header may not be up to date."""
        size = self.file.stat().st_size if self.file.exists() else 0
        return max(0, size - HEADER_BYTES) / (RATE * WIDTH)

    async def _record(self) -> None:
        session, most_s = self.session, self.session.parts.settings.message_s
        await session.lease(BEEP_S + most_s)
        await session.channel.stream_file(str(self.beep.with_suffix("")), timeout_s=BEEP_S + 4.0)
        stem = str(self.file.with_suffix(""))
        await session.channel.record_file(stem, most_s=most_s, silence_s=SILENCE_S, finish=FINISH)

    async def _wanted(self) -> bool:
        """Ask what to do with it; True to send it, which silence means as well."""
        for _ in range(HEARD_MOST):
            key = await self.session.play((Prompt("message_keys"),), KEYS) or await self._key()
            if key == "2":
                key = await self._hear()
            if key in ("", "1", "3"):
                return key != "3"
        return True

    async def _hear(self) -> str:
        """Play it to him; return 1 or 3 when he pressed that meanwhile, else 2."""
        seconds = self.seconds()
        await self.session.lease(seconds)
        stem = str(self.file.with_suffix(""))
        return await self.session.channel.stream_file(stem, "13", timeout_s=seconds + 4.0) or "2"

    async def _key(self) -> str:
        await self.session.lease(KEY_S)
        return await self.session.channel.wait_for_digit(int(KEY_S * 1000))

    async def _send(self) -> bool:
        """Keep the message. Raises DatabaseError."""
        session = self.session
        seconds = self.seconds()
        await self.messages.add(
            Message(
                self.message_id,
                session.call.call_id,
                session.caller,
                self.queue.name,
                session.language,
                str(self.file.relative_to(self.messages.var)),
                int(seconds * 1000),
                self.now,
            )
        )
        session.log.add(t.MESSAGE, session.step, seconds=round(seconds, 1))
        session.disposition = "message"
        return True

    async def _closed(self) -> float:
        """Wait until Asterisk has closed the file of a caller who hung up; return its seconds."""
        for _ in range(int(CLOSED_S / LOOK_S)):
            if await asyncio.to_thread(_is_complete, self.file):
                break
            await asyncio.sleep(LOOK_S)
        return self.seconds()


def _is_complete(file: Path) -> bool:
    """Does the header tell the length of all there is? Asterisk writes it when it closes the file."""
    if not file.exists():
        return False
    with file.open("rb") as recorded:
        header = recorded.read(HEADER_BYTES)
    size = file.stat().st_size - HEADER_BYTES
    return size > 0 and len(header) == HEADER_BYTES and int.from_bytes(header[-4:], "little") in (size, size - 1)


def beep_file(folder: Path) -> Path:
    """Return the tone before a recording, made at the first use."""
    file = folder / "beep.wav"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(".beep.wav")
        samples = [round(8000 * math.sin(2 * math.pi * BEEP_HZ * n / RATE)) for n in range(int(BEEP_S * RATE))]
        with wave.open(str(fresh), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(WIDTH)
            out.setframerate(RATE)
            out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        fresh.replace(file)
    return file
