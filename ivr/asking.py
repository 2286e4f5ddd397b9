"""The dialogue about the number to be called: read back, changed by keys. Called by `callback.py` and `opt_in.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.sound import Prompt, SayDigits

if TYPE_CHECKING:
    from ivr.session import Session

TIMES = 3  # the number is asked for, and read back, so often
DIGITS_MOST = 15
DIGIT_S = 5.0
KEYS = "12*"


class Asking:
    """known  the last number he can be called on, '' before there is one.

    check  returns a number as it may be called, or raises ValueError.  choices  the prompt after it is read back: 1 it
    is right, 2 another one, * not at all.
    """

    def __init__(self, session: Session, check: Callable[[str], str], choices: str) -> None:
        self.session, self.check, self.choices = session, check, choices
        self.known = self._checked(session.caller)

    async def number(self) -> str:
        """Return the number he confirmed, '' when he does not want to be called."""
        for _ in range(TIMES):
            if not self.known:
                await self._enter()
                continue
            key = await self._read_back()
            if key == "*":
                return ""
            if key != "2":  # silence is no refusal: he asked to be called
                return self.known
            self.known = ""
            await self._enter()
        return self.known

    async def _read_back(self) -> str:
        national = self.known.removeprefix(f"+{self.session.parts.settings.country_code}")
        phrases = (Prompt("callback_number"), SayDigits(national), Prompt(self.choices))
        return await self.session.play(phrases, KEYS) or await self._key()

    async def _enter(self) -> None:
        digits = await self.session.play((Prompt("callback_enter"),), "0123456789#")
        while digits[-1:] != "#" and len(digits) < DIGITS_MOST and (key := await self._key()):
            digits += key
        self.known = self._checked(digits.rstrip("#*"))
        if not self.known:
            await self.session.play((Prompt("callback_refused"),))

    async def _key(self) -> str:
        await self.session.lease(DIGIT_S)
        return await self.session.channel.wait_for_digit(int(DIGIT_S * 1000))

    def _checked(self, number: str) -> str:
        try:
            return self.check(number)
        except ValueError:
            return ""
