"""Every error of the routing package. Pure; raised to callers of `Router`.

    RoutingError
    ├── RouterUnavailable    Redis does not answer, or not in time; nothing is known about what was asked
    ├── UnknownAgent         this agent is not signed in
    ├── UnknownCall          this call is in no queue: it ended, or never entered one
    ├── QueueFull            the queue holds as many calls as it may; the call was not put in line
    ├── BudgetSpent          the talking time the call counts on is used up; the call was not put in line
    ├── StaleOffer           the offer is over: accepted, refused, expired or taken back
    └── BadArgument          a name, level, number or cause is not allowed (also a ValueError)

A script answers an error as a name and a text; `from_reply` is the one place that maps names.
"""

from __future__ import annotations


class RoutingError(Exception):
    """Root of the package's errors; `str()` is one line fit for a person."""


class RouterUnavailable(RoutingError):
    """Redis does not answer, or not in time."""


class UnknownAgent(RoutingError):
    """This agent is not signed in."""


class UnknownCall(RoutingError):
    """This call is in no queue."""


class QueueFull(RoutingError):
    """The queue holds as many calls as it may."""


class BudgetSpent(RoutingError):
    """The minutes the call would be talked on are used up."""


class StaleOffer(RoutingError):
    """The offer is over."""


class BadArgument(RoutingError, ValueError):
    """A name, level, number or cause is not allowed."""


NAMES: dict[str, tuple[type[RoutingError], str]] = {
    "UNKNOWN_AGENT": (UnknownAgent, "agent {} is not signed in"),
    "BUDGET_SPENT": (BudgetSpent, "budget {} is spent"),
    "UNKNOWN_CALL": (UnknownCall, "call {} is in no queue"),
    "QUEUE_FULL": (QueueFull, "queue {} is full"),
    "STALE_OFFER": (StaleOffer, "the offer is over (call, token: {})"),
}


def from_reply(message: str) -> RoutingError | None:
    """Return the error a script's error reply names, None when it is not one of ours."""
    name, _, rest = message.partition(" ")
    if name not in NAMES:
        return None
    kind, text = NAMES[name]
    return kind(text.format(rest))
