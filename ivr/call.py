"""The call as every part of Hotline knows it. Pure: imports nothing of asyncio, sockets or clocks."""

from __future__ import annotations

from dataclasses import dataclass, field

LANGUAGES = ("pl", "ru", "en")
CLASSES = ("normal", "business", "vip", "medical")
CALLBACK_ID = "cb-"  # the ids of call-backs begin so; no channel that Asterisk names itself does
LANGUAGE_SKILL = "lang/"  # who speaks Polish has the skill lang/pl


@dataclass(frozen=True)
class Call:
    """One inbound call.

    call_id  Asterisk's UNIQUEID: stable while the channel lives, so a second controller finds the call again.
    ani  caller's number in digits with an optional leading +, '' when withheld (filtered by the dialplan).
    dnis  number dialled.  channel  Asterisk's channel name.
    tainted  the AGI header block held a duplicate or unknown key: trust nothing but call_id.
    """

    call_id: str
    ani: str
    dnis: str
    channel: str
    tainted: bool = False


@dataclass(frozen=True)
class Customer:
    """Who is calling, as far as the customer file tells.

    number  ANI in E.164 with +.  area  path such as pl/mazowieckie/warszawa/wola.
    language  one of LANGUAGES or ''.  class_  one of CLASSES.  postcode  as written in the file, '' when not known.
    """

    number: str
    account: str
    name: str
    area: str
    language: str = ""
    class_: str = "normal"
    postcode: str = ""


@dataclass(frozen=True)
class TraceEntry:
    """One thing that happened to a call.

    at_ms  milliseconds since the call began.  step  flow step, '' outside a flow.
    event  one word of the trace vocabulary (docs/trace.md), e.g. entered, played, pressed, matched, offered.
    detail  what and why: JSON-able values only, never entered digits beyond a single menu key.
    """

    at_ms: int
    step: str
    event: str
    detail: dict[str, str | int | float | bool | list[str] | None] = field(default_factory=dict)


DISPOSITIONS = {
    "announced": "the announcement ended the call",
    "agent": "talked to an agent",
    "abandoned": "left the queue before an agent answered",
    "hung_up": "hung up in the menu or while listening",
    "closed": "called outside opening hours",
    "no_agent": "nobody could take the call; the goodbye was played",
    "callback": "left the queue and is called back",
    "message": "left a message instead of waiting",
    "transferred": "was connected to another number",
    "completed": "the flow came to its end",
    "failed": "a fault ended the call",
}


def mask(number: str) -> str:
    """Return `number` as logs and pages show it: the first three and last two digits stay."""
    return number if len(number) < 6 else f"{number[:3]}{'*' * (len(number) - 5)}{number[-2:]}"
