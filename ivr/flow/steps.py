"""What may stand in `dialplans/`: every table, key and outcome, declared once. Pure data.

`flow/load.py` checks files against these declarations, `flow/run.py` takes the defaults from them, and
`flow/reference.py` prints them as docs/dialplan.md, so that the three cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.call import DISPOSITIONS, LANGUAGES

KEYS = "0123456789*#"  # of a telephone
TRIES = 3

NAME = r"[a-z][a-z0-9_]{0,39}"
DIAL_NUMBER = r"\+?[0-9]{1,20}"
DIAL_STRING = r"PJSIP/(?:\+?[0-9]{1,20}@)?[A-Za-z0-9_-]{1,64}"
"""A fixed endpoint, or a fixed number at one; nothing Dial could take for an option or a second target."""


@dataclass(frozen=True)
class Key:
    """One key of a table.

    type  one of TYPES.  default  None makes the key required, unless `absent` says what holds without it (the
    value is None then).  choices  the only values allowed.  least, most  of a number, or of a text's length.
    """

    name: str
    type: str
    doc: str
    default: object = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    absent: str = ""


TYPES = {
    "text": "a text",
    "name": "a name of small letters, digits and _",
    "integer": "a whole number",
    "seconds": "a number of seconds",
    "yes/no": "true or false",
    "prompt": "a prompt",
    "prompts": "a prompt or a list of prompts",
    "keys": "telephone keys as a text, each once",
    "step": "a step of this flow",
    "flow": "a flow",
    "queue": "a queue",
    "calendar": "a calendar of hours.toml",
    "target": "a target of numbers.toml",
    "choice": "one of the choices",
    "need": "what an agent must have: `skill>=level`, `skill<=level` or `skill`, several joined by `&`",
    "action": "callback, message, queue:<name> or leave; for a key also hear_again",
    "dial": "PJSIP/endpoint or PJSIP/number@endpoint",
    "dials": "a list of PJSIP/endpoint or PJSIP/number@endpoint",
    "zone": "a time zone such as Europe/Warsaw",
}


@dataclass(frozen=True)
class Fallback:
    """What an outcome does that a step does not name.

    to  next: the step's `next` · again: asked once more · rescue: the flow's `rescue` · end: the call ends.
    prompt  said before that, '' for nothing.
    disposition  of the call, when `to` is end.
    """

    to: str
    prompt: str = ""
    disposition: str = ""


@dataclass(frozen=True)
class Outcome:
    """One way a step ends. free  what leads here took a key or a wait, so that a loop over it is no trap."""

    name: str
    doc: str
    otherwise: Fallback
    free: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of step.

    pressed  which outcomes are telephone keys: '' none, 'menu' at least one, 'queue' those of the queue.
    """

    name: str
    doc: str
    keys: tuple[Key, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    pressed: str = ""

    @property
    def outcome(self) -> Mapping[str, Outcome]:
        return {outcome.name: outcome for outcome in self.outcomes}


NEXT, AGAIN, RESCUE = Fallback("next"), Fallback("again"), Fallback("rescue")
NO_AGENT = Fallback("end", "no_agents", "no_agent")
QUEUE_FULL = Fallback("end", "queue_full", "no_agent")
NO_TRANSFER = Fallback("rescue", "transfer_failed")

_TIMEOUT = Key(
    "timeout_s", "seconds", "silence after the prompt, and between keys, that counts as no input", 5, 1, 30
)
_TRIES = Key("tries", "integer", "how often it is asked before `too_many`", TRIES, 1, 9)
_NO_INPUT = Key("no_input_prompt", "prompt", "said before asking again when no key came", "no_input")
_TOO_MANY = Outcome("too_many", "`tries` are used up", Fallback("rescue", "too_many_tries"))


def _wrong(doc: str) -> Key:
    return Key("wrong_key_prompt", "prompt", f"said before asking again when {doc}", "invalid_key")


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "say",
            "Says one or more prompts. A key pressed meanwhile stops them and is taken by the next menu, if "
            "that menu has it.",
            (
                Key("prompt", "prompts", "what is said, in this order"),
                Key("interrupt", "yes/no", "false: keys do not stop it", True),
            ),
            (Outcome("done", "all is said, or a key stopped it", NEXT),),
        ),
        Kind(
            "menu",
            "Says a prompt and takes one key. Keys are written under `on`; any key stops the prompt.",
            (
                Key("prompt", "prompts", "the choices"),
                _TRIES,
                _TIMEOUT,
                _NO_INPUT,
                _wrong("a key without a step was pressed"),
            ),
            (
                Outcome("no_input", "no key came in time", AGAIN),
                Outcome("wrong_key", "a key without a step was pressed", AGAIN, free=True),
                _TOO_MANY,
            ),
            pressed="menu",
        ),
        Kind(
            "collect",
            "Asks for digits and keeps them with the call under a name.",
            (
                Key("prompt", "prompts", "the question"),
                Key("name", "name", "what the digits are, for example `account`"),
                Key("least", "integer", "fewest digits", 1, 1, 20),
                Key("most", "integer", "most digits", 12, 1, 20),
                Key("finish", "choice", "key that ends the entry, '' for none", "#", choices=("#", "*", "")),
                Key("secret", "yes/no", "true: the digits are kept nowhere, neither record nor log", False),
                _TRIES,
                _TIMEOUT,
                _NO_INPUT,
                _wrong("too few digits came"),
            ),
            (
                Outcome("entered", "enough digits came", NEXT, free=True),
                Outcome("no_input", "no digit came in time", AGAIN),
                Outcome("wrong_key", "too few digits came", AGAIN, free=True),
                _TOO_MANY,
            ),
        ),
        Kind(
            "language",
            "Speaks another language from now on.",
            (Key("language", "choice", "the language", choices=LANGUAGES),),
            (Outcome("done", "it is set", NEXT),),
        ),
        Kind(
            "announce",
            "Plays the live announcements that concern this caller, each at most once a call. Any key stops "
            "one: 1 repeats, 3 is `other`, 0 is `agent`, another key goes to the choices (with "
            '`after = "continue"`: on, to the next menu).',
            (
                Key(
                    "after",
                    "choice",
                    "end: say goodbye and end the call, if every match is certain and the caller may be "
                    "ended, else as offer · offer: let the caller choose · continue: go on",
                    "offer",
                    choices=("end", "offer", "continue"),
                ),
                Key(
                    "service",
                    "text",
                    "only those of this service, for example internet; '' for all",
                    "",
                    most=40,
                ),
                Key(
                    "only_certain", "yes/no", "true: leave out those that may not concern this caller", False
                ),
                Key("intro", "prompts", "said once before the first, kept short; [] for nothing", ()),
                Key(
                    "offer_prompt",
                    "prompt",
                    "the choices: 1 repeat, 3 different problem, 0 agent",
                    "offer_menu",
                ),
                Key("goodbye_prompt", "prompt", "said before `ended`", "goodbye_announcement"),
                Key("tries", "integer", "how often the choices are said before `no_input`", TRIES, 1, 9),
                _TIMEOUT,
                _wrong("another key was pressed"),
            ),
            (
                Outcome("nothing", "none concerns this caller, or he has heard them all", NEXT),
                Outcome("continue", 'heard, or stopped by a key, with `after = "continue"`', NEXT),
                Outcome("other", "3: he has a different problem", NEXT, free=True),
                Outcome("agent", "0: he wants an agent", RESCUE, free=True),
                Outcome("no_input", "he made no choice", NEXT),
                Outcome("ended", "heard to the end, and the call may end", Fallback("end", "", "announced")),
            ),
        ),
        Kind(
            "hours",
            "Asks a calendar whether it is open now.",
            (Key("calendar", "calendar", "which calendar"),),
            (
                Outcome("open", "it is open", NEXT),
                Outcome("closed", "it is closed", Fallback("end", "closed", "closed")),
            ),
        ),
        Kind(
            "queue",
            "Waits with music for an agent, tells the place in line and the wait, rings, connects. `nobody`, `full`, "
            "`too_long` and `timeout` come from a queue whose `overflow` is `leave`, and when the caller declines what "
            "another overflow offers him.",
            (
                Key("queue", "queue", "which queue"),
                Key("prompt", "prompts", "said before waiting; [] for nothing", ()),
            ),
            (
                Outcome(
                    "answered", "the talk with an agent is over", Fallback("end", "", "agent"), free=True
                ),
                Outcome("nobody", "no agent is signed in who could answer", NO_AGENT),
                Outcome("full", "the queue has `max_len` callers, or its `budget_min` is used up", QUEUE_FULL),
                Outcome("too_long", "the expected wait is longer than `max_ewt_s`", QUEUE_FULL),
                Outcome("timeout", "`max_wait_s` is over", NO_AGENT, free=True),
                Outcome("callback", "he will be called back", Fallback("end", "goodbye", "callback"), free=True),
                Outcome("message", "he left a message", Fallback("end", "goodbye", "message"), free=True),
                Outcome("failed", "the queue cannot be used: Asterisk's ladder helps", Fallback("end", "", "failed")),
            ),
            pressed="queue",
        ),
        Kind(
            "transfer",
            "Connects to a fixed target.",
            (
                Key("target", "target", "which target"),
                Key("prompt", "prompts", "said before; [] for nothing", ()),
            ),
            (
                Outcome("answered", "the talk is over", Fallback("end", "", "transferred"), free=True),
                Outcome("busy", "the target is busy", NO_TRANSFER),
                Outcome("no_answer", "the target does not answer", NO_TRANSFER),
                Outcome("failed", "the target cannot be reached", NO_TRANSFER),
            ),
        ),
        Kind("goto", "Goes to another step; gives it a second name.", (), (Outcome("done", "always", NEXT),)),
        Kind(
            "hangup",
            "Ends the call.",
            (
                Key("prompt", "prompts", "said before; [] for nothing", ("goodbye",)),
                Key(
                    "disposition",
                    "choice",
                    "how the call's record names its end",
                    "completed",
                    choices=tuple(DISPOSITIONS),
                ),
            ),
        ),
    )
}

FLOW = (
    Key("title", "text", "what the flow is for, in a few words", most=200),
    Key("start", "step", "where a call begins"),
    Key(
        "rescue",
        "step",
        "where a caller goes whom nothing else can help, once a call: an agent, or a last word",
    ),
)
NUMBER = (
    Key("flow", "flow", "the flow that answers: the name of its file in flows/"),
    Key("language", "choice", "language the call begins in", choices=LANGUAGES),
    Key("name", "text", "what the number is for, in a few words", "", most=200),
    Key("project", "name", "the client company it belongs to", "main"),
)
CALENDAR_WEEK, CALENDAR_SPECIAL = "week", "special"
CALENDAR = (Key("timezone", "zone", "zone of the times, the file's unless given", ""),)
HOURS_TIMEZONE = Key("timezone", "zone", "zone of every calendar that names none of its own")
TARGETS_DOC = "Fixed places to connect to, by name. Callers' text never becomes part of a dial string."
EMERGENCY = Key(
    "emergency", "dials", "rung by Asterisk itself when no controller answers, one after the other", ()
)
