"""How a kind of step, its keys and its outcomes are declared, and what several kinds have in common. Pure data.

The kinds themselves are in `flow/steps.py` and `flow/steps_known.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    "opening hours": "opening hours as OpenStreetMap writes them",
    "country": "the ISO code of a country, such as PL",
    "fact": "a fact, such as `var.balance`",
    "facts": "a list of facts",
    "names": "a list of names of small letters, digits and _",
    "conditions": "a table of names and conditions",
    "filled": "a text in which a fact in braces is replaced by what is known of it: `{var.account}`",
    "values": "a table of names and texts with facts in braces",
    "webhook": "a webhook of numbers.toml",
    "url": "an address, https://… (http:// only on this machine)",
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
    named  which outcomes the step itself names: '' none, 'when' or 'results' those of that key, 'flow' what the invoked
    flow returns. Each of them must be in `on`.
    """

    name: str
    doc: str
    keys: tuple[Key, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    pressed: str = ""
    named: str = ""

    @property
    def outcome(self) -> Mapping[str, Outcome]:
        return {outcome.name: outcome for outcome in self.outcomes}


NEXT, AGAIN, RESCUE = Fallback("next"), Fallback("again"), Fallback("rescue")
NO_AGENT = Fallback("end", "no_agents", "no_agent")
QUEUE_FULL = Fallback("end", "queue_full", "no_agent")
NO_TRANSFER = Fallback("rescue", "transfer_failed")

TIMEOUT_S = Key(
    "timeout_s", "seconds", "silence after the prompt, and between keys, that counts as no input", 5, 1, 30
)
TRIES_KEY = Key("tries", "integer", "how often it is asked before `too_many`", TRIES, 1, 9)
NO_INPUT = Key("no_input_prompt", "prompt", "said before asking again when no key came", "no_input")
TOO_MANY = Outcome("too_many", "`tries` are used up", Fallback("rescue", "too_many_tries"))


def wrong_key(doc: str) -> Key:
    """Return the key for what is said when a pressed key does not help; `doc` says when."""
    return Key("wrong_key_prompt", "prompt", f"said before asking again when {doc}", "invalid_key")
