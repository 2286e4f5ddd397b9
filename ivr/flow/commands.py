"""What a flow asks of a call (commands) and hears back (events). Pure data.

`flow/run.py` yields a command and receives the event that answers it; `session.py` performs commands on
a real call, `flow/trial.py` performs them in a terminal or a test. Each command names its event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.flow.facts import Value
from ivr.sound import Phrase


@dataclass(frozen=True)
class Enter:
    """A step begins: trace it, and let a second controller find it. Answered by Done.

    place  where the call is, for `run` to go on from: `flow.step`, in an invoked flow `flow.step>flow.step`, with what
    he has reached so far `flow.step~agent`.
    """

    step: str
    kind: str
    flow: str = ""
    place: str = ""


@dataclass(frozen=True)
class Leave:
    """A step ended with this outcome: trace it. Answered by Done."""

    step: str
    outcome: str
    detail: str = ""
    flow: str = ""


@dataclass(frozen=True)
class Play:
    """Play phrases one after the other; a key in `keys` stops them. Answered by Heard.

    of  the announcement they tell, None for anything else: for who keeps what callers heard of it.
    """

    phrases: tuple[Phrase, ...]
    keys: str = ""
    of: Announcement | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Ask:
    """Play phrases and read keys; any key interrupts. Answered by Digits.

    At most `most` digits; `finish` ends the entry and is not part of it ('' for none).
    timeout_s  silence after the phrases, and between digits, before giving up.
    secret  the digits are never traced or logged.
    """

    phrases: tuple[Phrase, ...]
    most: int = 1
    finish: str = ""
    timeout_s: float = 5.0
    secret: bool = False


@dataclass(frozen=True)
class SetLanguage:
    """Speak this language from now on. Answered by Done."""

    language: str


@dataclass(frozen=True)
class FindAnnouncements:
    """Which live announcements concern this caller (and `service`, '' for any)? Answered by Found."""

    service: str = ""


@dataclass(frozen=True)
class CheckHours:
    """Is the named calendar open now? Answered by Hours."""

    name: str


@dataclass(frozen=True)
class Queue:
    """Wait for an agent, ring, talk. Answered by Queued."""

    queue: str


@dataclass(frozen=True)
class Transfer:
    """Connect to the named target of dialplans/numbers.toml, ringing `ring_s` seconds. Answered by Transferred."""

    target: str
    ring_s: int = 30


@dataclass(frozen=True)
class Keep:
    """Keep a variable with the call: digits he entered (never secret ones), what a flow sets. Answered by Done."""

    name: str
    value: str


@dataclass(frozen=True)
class Look:
    """What is known of these facts (ivr/flow/facts.py; never variables)? Answered by Seen."""

    facts: tuple[str, ...]


@dataclass(frozen=True)
class FindCustomer:
    """Who calls? Answered by Customers; from then on the call is that customer's.

    by  number (he calls from), account or postcode (the `digits` he entered).
    """

    by: str
    digits: str = ""


@dataclass(frozen=True)
class FindState:
    """What is the state of `service` ('' for all) where the caller lives? Answered by State."""

    service: str = ""


@dataclass(frozen=True)
class Fetch:
    """Ask a company's server, playing `phrases` meanwhile. Answered by Fetched within `timeout_s`, or as they end.

    webhook  a name of numbers.toml.  send  facts and variables by name.
    """

    webhook: str
    send: Mapping[str, Value]
    timeout_s: float
    phrases: tuple[Phrase, ...] = ()


@dataclass(frozen=True)
class OfferCallback:
    """Offer to call back, with a place in `queue` from now on. Answered by Arranged: booked or declined."""

    queue: str


@dataclass(frozen=True)
class TakeMessage:
    """Record a message for `queue`. Answered by Arranged: kept or none."""

    queue: str


@dataclass(frozen=True)
class OptIn:
    """He wants to be called when what these announcements tell is over: on which number? Answered by Arranged.

    booked  he will be.  declined  he does not want it after all, or it is not possible.
    """

    announcement_ids: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """Keep the answer to one question of a survey. question  its prompt.  Answered by Done."""

    survey: str
    question: str
    points: int


@dataclass(frozen=True)
class HangUp:
    """End the call; the flow ends with it. disposition: a key of ivr.call.DISPOSITIONS."""

    disposition: str = "completed"


Command = (
    Enter | Leave | Play | Ask | SetLanguage | FindAnnouncements | CheckHours | Queue | Transfer | Keep | Look
    | FindCustomer | FindState | Fetch | OfferCallback | TakeMessage | OptIn | Answer | HangUp
)


@dataclass(frozen=True)
class Done:
    """It is done."""


@dataclass(frozen=True)
class Heard:
    """Playing ended. key  the digit that stopped it, '' when heard to the end."""

    key: str = ""


@dataclass(frozen=True)
class Digits:
    """Keys entered, '' when none came in time."""

    text: str


@dataclass(frozen=True)
class Announcement:
    """One matching announcement, ready to play.

    phrases  already in the caller's language.  certain  the match is sure enough to end the call.
    may_end  the customer's class and call history allow ending the call.  why  in words, for the trace.
    planned  it tells of planned work, not of a fault.  after  the most that may follow it: end, offer or continue.
    length_s  of its audio, 0 when not known.  restored  it tells that the fault is over.
    service  it is about, '' for all.  opt_in  he can be called when it is over.
    nth  1 on the first call in which he reaches it, whatever the version.  lately  earlier such calls of the last two
    hours.  known_version  which he has heard (nearly) to its end on an earlier call, 0 for none.
    brief  what to say to one who knows this version: only what may have changed; () when all of it is to be said.
    """

    announcement_id: str
    version: int
    phrases: tuple[Phrase, ...]
    certain: bool
    may_end: bool
    why: str
    planned: bool = False
    after: str = "end"
    length_s: float = 0.0
    restored: bool = False
    service: str = ""
    opt_in: bool = False
    nth: int = 1
    lately: int = 0
    known_version: int = 0
    brief: tuple[Phrase, ...] = ()


@dataclass(frozen=True)
class Found:
    """Announcements that concern the caller, in playing order; may be empty."""

    announcements: tuple[Announcement, ...]


@dataclass(frozen=True)
class Hours:
    """The state of a calendar now."""

    open: bool


@dataclass(frozen=True)
class Queued:
    """How waiting ended.

    outcome  answered (talk is over), nobody (no agent is signed in), full, too_long, timeout, callback and message
    (arranged, left), opted_in (of an announcement he heard meanwhile), key, failed.
    key  the digit pressed, when outcome is key.
    """

    outcome: str
    key: str = ""


@dataclass(frozen=True)
class Transferred:
    """How a transfer ended: answered, busy, no_answer, failed."""

    outcome: str


@dataclass(frozen=True)
class Seen:
    """What is known of each fact asked for; one that is missing is not known."""

    values: Mapping[str, Value]


@dataclass(frozen=True)
class Customers:
    """Is the caller known now?"""

    found: bool


@dataclass(frozen=True)
class State:
    """What is live for the caller's area. area_known  False: nobody knows where he lives."""

    announcements: tuple[Announcement, ...]
    area_known: bool


@dataclass(frozen=True)
class Fetched:
    """What a webhook said. outcome  answered, timeout or failed.

    result  the reply's `result`, '' when it has none.  values  the other plain fields of the reply.
    """

    outcome: str
    result: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arranged:
    """How it ended: booked or declined, kept or none."""

    outcome: str


Event = Done | Heard | Digits | Found | Hours | Queued | Transferred | Seen | Customers | State | Fetched | Arranged
