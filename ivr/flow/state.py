"""What one call has done so far, and what every kind of step needs for its work. Pure."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeVar

from ivr.flow.commands import Command, Event
from ivr.flow.declare import KEYS
from ivr.flow.facts import VALUE_CHARS
from ivr.sound import Phrase, Prompt

VARIABLES_MOST = 50  # of one call

Running = Generator[Command, Event, str]
E = TypeVar("E", bound=Event)


@dataclass
class State:
    """What one call has done so far.

    typed  a key pressed before the menu that may want it, '' for none.
    detail  what the trace should know about the step that ends.
    heard  announcements and their versions.  variables  by name.  secret  those that are kept nowhere.
    reached  what he has reached so far, as a disposition; a call that just comes to its end is recorded so.
    """

    typed: str = ""
    detail: str = ""
    heard: set[tuple[str, int]] = field(default_factory=set)
    rescued: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)
    reached: str = ""

    def remember(self, name: str, value: str, *, secret: bool = False) -> bool:
        """Set a variable, cut to VALUE_CHARS; False for one more than VARIABLES_MOST, which is not kept."""
        if name not in self.variables and len(self.variables) >= VARIABLES_MOST:
            return False
        self.variables[name] = value[:VALUE_CHARS]
        self.secret = self.secret | {name} if secret else self.secret - {name}
        return True


def phrases_of(prompts: tuple[str, ...]) -> tuple[Phrase, ...]:
    """Return prompts as phrases."""
    return tuple(Prompt(key) for key in prompts)


def is_key(text: str) -> bool:
    """Is `text` one key of a telephone?"""
    return len(text) == 1 and text in KEYS


def answer(event: Event, kind: type[E]) -> E:
    """Return `event` as the `kind` that was due. Raises AssertionError: a bug of who drives the flow."""
    assert isinstance(event, kind), f"{event!r} where {kind.__name__} was due"
    return event
