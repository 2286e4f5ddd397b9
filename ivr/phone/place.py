"""Place one call with a real phone, press keys, tell live what it hears. Called by `ivr phone call`."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import InputError
from ivr.phone.ear import RATE
from ivr.phone.hear import Heard, Recogniser
from ivr.phone.keys import HANG_UP, Pause, parse_keys
from ivr.phone.phone import Ending, PhoneCall, Phones
from ivr.settings import Settings
from ivr.speech.catalog import load_prompt_set

LISTEN_EVERY_S = 0.5
LISTEN_S = 1.6
ANSWER_S = 12.0
NUMBER = re.compile(r"[+*#]?[A-Za-z0-9._*#-]{1,40}")  # names too: what a trunk may send is wider than digits
ADDRESS = re.compile(r"sip:[A-Za-z0-9._*#+%-]{1,40}@[A-Za-z0-9.\[\]:-]{1,100}(;[A-Za-z0-9=;.-]*)?")
SETTLE_S = 0.3  # before the first key, while the far side is still wiring the call

Report = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """One finished call. ending is None only when nobody answered in time; heard is in order of time."""

    answered: bool
    ending: Ending | None
    talk_s: float
    heard: tuple[Heard, ...]

    @property
    def refused(self) -> bool:
        """Did the far side say no, rather than nothing?"""
        return self.ending is not None and self.ending.by == "refused"

    @property
    def refusal(self) -> str:
        """Tell in words why nobody answered."""
        if self.ending is None or not self.refused:
            return f"no answer within {ANSWER_S:.0f} s"
        return f"{self.ending.status or ''} {self.ending.reason}".strip()


def server_of(settings: Settings) -> tuple[str, str]:
    """Return our own address and the host:port to call, for phones on this machine."""
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host
    return host, f"{host}:{settings.sip_port}"


def prompt_files(settings: Settings) -> dict[str, Path]:
    """Return every rendered prompt by its readable name; empty before the first setup."""
    names = load_prompt_set(settings).names
    return {name: Path(stem) for stem, name in names.items()}


async def place(
    settings: Settings,
    to: str,
    from_number: str,
    keys: str,
    report: Report,
    *,
    seconds: float = 60.0,
    save: Path | None = None,
    files: Mapping[str, Path] | None = None,
) -> Outcome:
    """Call `to`, press `keys`, listen until the far side hangs up or `seconds` have passed.

    report  gets one line per thing that happens, with the seconds since dialling.
    Raises InputError for wrong keys, numbers and files before dialling, PhoneError when the phone cannot dial.
    """
    parse_keys(keys)
    _check(to, from_number, save)
    recogniser = await asyncio.to_thread(Recogniser, prompt_files(settings) if files is None else files)
    host, server = server_of(settings)
    async with Phones(server, host=host) as phones:
        call = await phones.call(to, from_number=from_number)
        say = Teller(call, report)
        say(f"calling {to} from {from_number or 'a withheld number'}")
        if not await call.wait_answered(ANSWER_S):
            await call.hang_up()
            return Outcome(False, call.ending, 0.0, ())
        say("answered")
        await _talk(call, recogniser, keys, seconds, say)
        if save:
            call.save(save)
        heard = await asyncio.to_thread(recogniser.recognise, call.heard)
        return Outcome(True, call.ending, call.talk_s, tuple(heard))


def _check(to: str, from_number: str, save: Path | None) -> None:
    """Raise InputError for what cannot be dialled, shown or written."""
    if not NUMBER.fullmatch(to) and not ADDRESS.fullmatch(to):
        raise InputError(f"--to {to!r} is no number and no sip: address; expected 100 or sip:100@127.0.0.1:5060")
    if from_number and not NUMBER.fullmatch(from_number):
        raise InputError(f"--from {from_number!r} is not a number; expected such as +48601999888, or '' to withhold it")
    if save and not save.parent.is_dir():
        raise InputError(f"--save {save}: there is no folder {save.parent}")


async def _talk(call: PhoneCall, recogniser: Recogniser, keys: str, seconds: float, say: Teller) -> None:
    async def press() -> None:
        await asyncio.sleep(SETTLE_S)
        for key in parse_keys(keys):
            if isinstance(key, str) and call.up:
                say("hang up" if key == HANG_UP else f"press {key}")
            await call.send_keys(f"w{key.seconds}" if isinstance(key, Pause) else key)

    tasks = [
        asyncio.create_task(press()),
        asyncio.create_task(listen(call, recogniser, lambda name: say(f"hear  {name}"))),
    ]
    with contextlib.suppress(TimeoutError):
        await call.wait_ended(seconds)
    await call.hang_up()
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


class Teller:
    """Reports lines with the time since dialling."""

    def __init__(self, call: PhoneCall, report: Report) -> None:
        self._call, self._report = call, report

    def __call__(self, text: str) -> None:
        self._report(f"{time.monotonic() - self._call.began:6.1f} s  {text}")


async def listen(call: PhoneCall, recogniser: Recogniser, on_change: Callable[[str], None]) -> None:
    """Tell `on_change` what the call hears now, each time that changes, until the call ends."""
    last = ""
    while call.up:
        await asyncio.sleep(LISTEN_EVERY_S)
        tail = call.heard[-int(LISTEN_S * RATE) :]
        if len(tail) < RATE // 2:
            continue
        name = await asyncio.to_thread(recogniser.now, tail)
        if name != last and name != "sound":
            last = name
            on_change(name)
