"""What callers of `Router` hand in and get back. Pure data, checked where it is made; imports only errors.

Times are milliseconds since 1970 by Redis's clock (`_ms`) or seconds (`_s`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from routing.errors import BadArgument

Cause = Literal["reject", "busy", "no_answer", "unreachable"]
Status = Literal["in", "paused", "out"]
AgentState = Literal["ready", "reserved", "ringing", "talking", "wrap_up", "back_off"]
CallState = Literal["waiting", "offered", "bridged", "detached"]

CAUSES: tuple[Cause, ...] = get_args(Cause)
LEVEL_MIN, LEVEL_MAX = 1, 10
PRIORITY_MAX = 100
SKILLS_MAX = 64
# One priority point outweighs any wait (three years): priority first, then entry time. Less would be ageing.
PRIORITY_CREDIT_MS = 100_000_000_000

_SKILL = re.compile(r"[a-z0-9][a-z0-9_./-]{0,63}")
_ID = re.compile(r"\S{1,128}")


@dataclass(frozen=True)
class Need:
    """What a call asks of an agent: `skill` at `level` (1-10) or better. An absent skill never matches."""

    skill: str
    level: int = 1

    def __post_init__(self) -> None:
        check_skill(self.skill, self.level)

    def __str__(self) -> str:
        return f"{self.skill}>={self.level}"


@dataclass(frozen=True)
class AgentProfile:
    """An agent as signed in.

    endpoint  what the controller dials.  skills  name -> level 1-10.
    ring_s  how long his phone rings.  wrap_up_s  rest after a talk, 0 for none.
    """

    agent_id: str
    endpoint: str
    skills: Mapping[str, int] = field(default_factory=dict)
    ring_s: float = 20
    wrap_up_s: float = 10
    name: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        check_id("agent_id", self.agent_id)
        if len(self.skills) > SKILLS_MAX:
            raise BadArgument(f"agent {self.agent_id}: {len(self.skills)} skills; at most {SKILLS_MAX}")
        for skill, level in self.skills.items():
            check_skill(skill, level)
        if not 0 < self.ring_s <= 300:
            raise BadArgument(f"agent {self.agent_id}: ring_s {self.ring_s}; expected more than 0, at most 300")
        if not 0 <= self.wrap_up_s <= 3600:
            raise BadArgument(f"agent {self.agent_id}: wrap_up_s {self.wrap_up_s}; expected 0 to 3600")


@dataclass(frozen=True)
class Offer:
    """One call for one agent. token  grows with every offer; an old one changes nothing.

    deadline_ms  accept or refuse before.  reason  in words, why this agent.
    """

    call_id: str
    agent_id: str
    endpoint: str
    token: int
    deadline_ms: int
    waited_ms: int
    reason: str
    ring_s: float = 20
    name: str = ""
    language: str = ""


@dataclass(frozen=True)
class Placement:
    """Where a call stands. position  1 is next, None when it was offered at once (`offer`).

    agents_in  signed in, not paused and able to take it, busy or not.  entered_ms  first entry.
    """

    position: int | None
    offer: Offer | None
    agents_in: int
    entered_ms: int


@dataclass(frozen=True)
class Position:
    """position  1 is next.  waiting  calls in line with the same need.  agents_in  as in Placement."""

    position: int
    agents_in: int
    waiting: int


@dataclass(frozen=True)
class WaitingCall:
    """A call as `snapshot()` shows it. since_ms  begin of its state.  agent_id  '' without one."""

    call_id: str
    queue: str
    need: str
    priority: int
    state: CallState
    entered_ms: int
    since_ms: int
    agent_id: str = ""
    controller: str = ""


@dataclass(frozen=True)
class AgentView:
    """An agent as `snapshot()` shows him. reason  why paused.  call_id  '' without one."""

    agent_id: str
    name: str
    endpoint: str
    skills: Mapping[str, int]
    status: Status
    state: AgentState
    since_ms: int
    reason: str = ""
    call_id: str = ""
    idle_since_ms: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All queues at one moment. calls  every call, best first.  queues  name -> calls not yet answered."""

    now_ms: int
    queues: Mapping[str, int]
    calls: tuple[WaitingCall, ...]
    agents: tuple[AgentView, ...]

    @property
    def waiting(self) -> tuple[WaitingCall, ...]:
        """The calls nobody has answered yet, in line order."""
        return tuple(call for call in self.calls if call.state != "bridged")


@dataclass(frozen=True)
class Policy:
    """Times and thresholds of one routing group; every controller of it uses the same.

    back_off_s  by cause, how long an agent who did not take a call gets none.
    pause_after  by cause, pause him after so many in a row (0 never).
    dead_after_s  a controller silent for longer is dead.  lost_after_s  after that, a call nobody took on
    again is dropped.  ring_margin_s  from the end of the ring time until an offer expires.
    """

    back_off_s: Mapping[str, float] = field(
        default_factory=lambda: {"reject": 15, "busy": 10, "no_answer": 20, "unreachable": 30}
    )
    pause_after: Mapping[str, int] = field(
        default_factory=lambda: {"reject": 0, "busy": 0, "no_answer": 3, "unreachable": 3}
    )
    dead_after_s: float = 5
    lost_after_s: float = 30
    ring_margin_s: float = 5
    beat_s: float = 1
    sweep_s: float = 0.5


def check_id(what: str, value: str) -> str:
    """Return `value` when it may name a call, agent or queue (1-128 characters, no white space)."""
    if not _ID.fullmatch(value):
        raise BadArgument(f"{what} {value!r}: expected 1 to 128 characters without white space")
    return value


def check_skill(skill: str, level: int) -> None:
    """Raise BadArgument unless `skill` is a skill name and `level` is 1-10."""
    if not _SKILL.fullmatch(skill):
        raise BadArgument(f"skill {skill!r}: expected small letters, digits, . _ / -, at most 64")
    if isinstance(level, bool) or not isinstance(level, int) or not LEVEL_MIN <= level <= LEVEL_MAX:
        raise BadArgument(f"skill {skill!r}: level {level!r}; expected {LEVEL_MIN} to {LEVEL_MAX}")
