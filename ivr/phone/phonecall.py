"""One call of one phone: answer, keys, what was heard and said, how it ended. Made by `phone`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import baresip
import numpy as np
import soundfile

from ivr.phone.ear import RATE, READ_BYTES, Mouth, Pcm, Pump, Timeline
from ivr.phone.keys import HANG_UP, KEY_GAP_S, Pause, parse_keys


@dataclass(frozen=True)
class Ending:
    """How a call ended.

    by  'far' (the other side hung up), 'us', or 'refused' (never answered).
    status  SIP status of a refusal, None when there is none.  reason  the stack's words.
    """

    by: Literal["far", "us", "refused"]
    status: int | None
    reason: str


class PhoneCall:
    """One call of one phone, in either direction. Times are seconds since its audio began."""

    def __init__(self, call: baresip.Call, pump: Pump, *, outgoing: bool, number: str) -> None:
        self._call = call
        self._pump = pump
        self.outgoing = outgoing
        self.number = number
        self.peer = call.peer or ""
        self.keys_heard = ""
        self.began = time.monotonic()
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.ending: Ending | None = None
        self._audio_began: float | None = None
        self._timeline = Timeline()
        self._mouth = Mouth()
        self._we_hung_up = False
        self._answered, self._ended = asyncio.Event(), asyncio.Event()
        call.on(self._event)
        call.on_dtmf(self._key)
        pump.add(self)

    # ---- what happens to it

    def _event(self, event: baresip.StackEvent) -> None:
        if event.event is baresip.Event.CALL_ESTABLISHED:
            self.answered_at = time.monotonic()
            self._answered.set()
        elif event.event is baresip.Event.CALL_CLOSED:
            self._close(event.text or "")

    def _close(self, text: str) -> None:
        self.pump(time.monotonic())
        self._pump.remove(self)
        self.ended_at = time.monotonic()
        head, _, rest = text.partition(" ")
        status = int(head) if len(head) == 3 and head.isdigit() else None
        by: Literal["far", "us", "refused"] = "far" if self.answered_at else "refused"
        self.ending = Ending("us" if self._we_hung_up else by, status, rest if status else text)
        self._ended.set()

    def _key(self, event: baresip.DigitEvent) -> None:
        self.keys_heard += event.digit

    def pump(self, now: float) -> None:
        """Move audio between the stack and this call; from the pump's thread, and once more at the end."""
        audio = self._call.audio
        try:
            heard = np.frombuffer(audio.read(READ_BYTES), np.int16)
            if self._audio_began is None:
                self._audio_began = now - len(heard) / RATE
            if len(heard):
                self._timeline.add(heard, now - self._audio_began)
            if not self._mouth.empty:
                self._mouth.take(audio.write(self._mouth.peek()))
        except (baresip.AudioNotActive, baresip.AudioRestarted):
            return  # no media yet, or renegotiated: the next turn binds to what is there then

    # ---- what its user does

    async def wait_answered(self, timeout_s: float = 10.0) -> bool:
        """Wait for the answer; False when the call ended or `timeout_s` passed without one."""
        waits = [asyncio.ensure_future(e.wait()) for e in (self._answered, self._ended)]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._answered.is_set()

    async def wait_ended(self, timeout_s: float = 60.0) -> Ending:
        """Wait until the call is over. Raises TimeoutError when it is still up after `timeout_s`."""
        await asyncio.wait_for(self._ended.wait(), timeout_s)
        assert self.ending is not None
        return self.ending

    async def answer(self) -> None:
        """Answer an incoming call; nothing happens when it is gone already."""
        with contextlib.suppress(baresip.BaresipError):
            await self._call.answer()

    async def reject(self) -> None:
        """Refuse an incoming call with 486."""
        self._we_hung_up = True
        with contextlib.suppress(baresip.BaresipError):
            await self._call.reject()

    async def hang_up(self) -> None:
        """End the call and wait until it is over; nothing happens when it is over already."""
        if self._ended.is_set():
            return
        self._we_hung_up = True
        with contextlib.suppress(baresip.BaresipError):
            await self._call.hangup()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), 3.0)

    async def send_keys(self, keys: str) -> None:
        """Press keys such as `1,w2,3`: commas between keys, `w2` waits 2 s (RFC 4733 telephone events).

        Ends early when the call ends. Raises InputError before anything is pressed when `keys` is wrong.
        """
        for key in parse_keys(keys):
            if isinstance(key, Pause):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), key.seconds)
                continue
            if self._ended.is_set():
                return
            if key == HANG_UP:
                await self.hang_up()
                return
            with contextlib.suppress(baresip.StaleHandleError):
                await self._call.send_dtmf(key)
            await asyncio.sleep(KEY_GAP_S)

    def say(self, pcm: Pcm, *, loop: bool = False) -> None:
        """Send `pcm` (int16, 8 kHz) after what is being said already; returns at once."""
        self._mouth.put(pcm, loop=loop)

    def hush(self) -> None:
        """Stop saying anything."""
        self._mouth.clear()
        with contextlib.suppress(baresip.AudioNotActive, baresip.AudioRestarted):
            self._call.audio.flush_tx()

    @property
    def up(self) -> bool:
        """True from dialling or ringing until the end."""
        return self.ending is None

    @property
    def heard(self) -> Pcm:
        """Everything received up to now (or the end), silence where nothing came; index = seconds * RATE."""
        if self._audio_began is None:
            return np.zeros(0, np.int16)
        return self._timeline.until((self.ended_at or time.monotonic()) - self._audio_began)

    @property
    def talk_s(self) -> float:
        """Seconds since the answer, until the end; 0 while unanswered."""
        return 0.0 if self.answered_at is None else (self.ended_at or time.monotonic()) - self.answered_at

    def save(self, path: Path) -> None:
        """Write what was heard as a WAV file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, self.heard, RATE)
