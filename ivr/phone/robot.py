"""Robot agents: real phones that register, sign in, answer, make a sound, hang up. For demo and tests."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ivr.errors import PhoneError
from ivr.phone.ear import Pcm, tone
from ivr.phone.phone import Ending, Manner, Phone, PhoneCall, Phones

SIGN_IN, SIGN_OUT, PAUSE, READY = "*11", "*12", "*13", "*14"
SIGN_IN_S = 20.0


@dataclass(frozen=True)
class Temper:
    """How a robot treats calls.

    answer_after_s  None never answers.  busy  rejects instead.  tone_hz  says this tone all
    the time.  says  audio said once instead of it.  hang_up_after_s  seconds of talk,
    None leaves it to the caller.
    """

    answer_after_s: float | None = 1.0
    busy: bool = False
    tone_hz: float | None = None
    says: Pcm | None = None
    hang_up_after_s: float | None = None


class Robot:
    """One robot agent on one registered phone."""

    def __init__(self, phone: Phone, name: str, pin: str = "") -> None:
        self.phone, self.name, self._pin = phone, name, pin

    @classmethod
    async def start(
        cls,
        phones: Phones,
        user: str,
        password: str,
        *,
        name: str = "",
        pin: str = "",
        temper: Temper = Temper(),
    ) -> Robot:
        """Register the phone of an agent; he answers by `temper` from now on.

        Raises PhoneError when the server refuses the registration.
        """
        robot = cls(await phones.phone(user, password), name or user, pin)
        robot.behave(temper)
        return robot

    def behave(self, temper: Temper) -> None:
        """Treat calls this way from now on."""
        says, loop = temper.says, False
        if says is None and temper.tone_hz is not None:
            says, loop = tone(temper.tone_hz), True
        self.phone.behave(Manner(temper.answer_after_s, temper.busy, says, loop, temper.hang_up_after_s))

    async def sign_in(self) -> None:
        """Dial the sign-in code and enter the PIN. Raises PhoneError when the line does not take it."""
        await self.dial(SIGN_IN, f"w0.4,{self._pin}#")

    async def sign_out(self) -> None:
        """Dial the sign-out code."""
        await self.dial(SIGN_OUT)

    async def dial(self, code: str, keys: str = "") -> Ending:
        """Dial a feature code, press `keys`, wait for the end. Raises PhoneError when there is none."""
        call = await self.phone.call(code)
        if not await call.wait_answered():
            await call.hang_up()
            reason = call.ending.reason if call.ending else "no answer"
            raise PhoneError(f"agent {self.name}: {code} was not answered: {reason}")
        if keys:
            await call.send_keys(keys)
        try:
            return await call.wait_ended(SIGN_IN_S)
        except TimeoutError:
            await call.hang_up()
            raise PhoneError(f"agent {self.name}: {code} did not end within {SIGN_IN_S:.0f} s") from None

    @property
    def calls(self) -> list[PhoneCall]:
        """Calls that rang here, the oldest first."""
        return [call for call in self.phone.calls if not call.outgoing]

    @property
    def talking_to(self) -> PhoneCall | None:
        """The call he is talking on now."""
        return next((call for call in self.calls if call.up and call.answered_at is not None), None)

    async def hang_up(self) -> None:
        """End what he is talking on."""
        if self.talking_to:
            with contextlib.suppress(PhoneError):
                await self.talking_to.hang_up()
