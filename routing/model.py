"""What callers of `Router` hand in and get back. Pure data, checked where it is made; imports only errors.

Times are milliseconds since 1970 by Redis's clock (`_ms`) or seconds (`_s`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from routing.errors import BadArgument

Cause = Literal["reject", "busy", "no_answer", "unreachable"]
Status = Literal["in", "paused", "out"]
AgentState = Literal["ready", "reserved", "ringing", "talking", "wrap_up", "back_off"]
CallState = Literal["waiting", "offered", "bridged", "detached"]
Order = Literal["longest_idle", "most_skilled", "least_skilled", "fewest_calls", "least_talk", "weighted"]

CAUSES: tuple[Cause, ...] = get_args(Cause)
ORDERS: tuple[Order, ...] = get_args(Order)
LEVEL_MIN, LEVEL_MAX = 1, 10
PRIORITY_MAX = 100
SKILLS_MAX = 64
TERMS_MAX = 8
STEPS_MAX = 8
# Points above which waiting or a relax step raise no call any further: at this height the older call is first.
PRIORITY_CAP = 100
PROJECT = "project/"

_SKILL = re.compile(r"[a-z0-9][a-z0-9_./-]{0,63}")
_TERM = re.compile(r"([a-z0-9][a-z0-9_./-]{0,63})(?:([<>]=)(\d{1,2}))?")
_ID = re.compile(r"\S{1,128}")


@dataclass(frozen=True)
class Need:
    """What a call asks of an agent, all of it: `internet>=3&pl`; a skill alone means level 1 or better.

    text  is kept in one spelling: terms sorted, level and comparison written out. An absent skill meets neither
    `>=` nor `<=`: absent is unknown, not 0.
    """

    text: str

    def __post_init__(self) -> None:
        terms = sorted({_term(part.strip()) for part in self.text.split("&")})
        if len(terms) > TERMS_MAX:
            raise BadArgument(f"need {self.text[:60]!r}: {len(terms)} terms; at most {TERMS_MAX}")
        object.__setattr__(self, "text", "&".join(f"{skill}{op}{level}" for skill, op, level in terms))

    @property
    def terms(self) -> tuple[tuple[str, str, int], ...]:
        """Return (skill, `>=` or `<=`, level), sorted."""
        return tuple(_term(part) for part in self.text.split("&"))

    def both(self, other: Need | str) -> Need:
        """Return the need that asks for all of this and all of `other`."""
        return Need(f"{self.text}&{other}")

    def of_project(self, project: str) -> Need:
        """Return this need, asking for a member of `project` as well; itself for ''."""
        return self.both(PROJECT + project) if project else self

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Step:
    """A relax step: from `after_s` of waiting on, who meets `need` may answer as well.

    need  None: nobody new, for a step that only raises the priority.  prefer  among those the step lets in, who
    meets it comes first.  priority  points added from then on.  skip_if_nobody  acts at once while nobody signed
    in meets any earlier need.  lend  counts only while this project lends its agents (`Router.lend`).
    """

    after_s: float
    need: Need | None = None
    prefer: Need | None = None
    priority: int = 0
    skip_if_nobody: bool = True
    lend: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.after_s <= 86_400:
            raise BadArgument(f"relax step after {self.after_s} s; expected more than 0, at most a day")
        if not 0 <= self.priority <= PRIORITY_MAX:
            raise BadArgument(f"relax step adds {self.priority} points; expected 0 to {PRIORITY_MAX}")
        if self.need is None and (self.prefer or self.lend):
            raise BadArgument("relax step with prefer or lend, but without the need they go with")
        if self.lend:
            check_skill(PROJECT + self.lend, 1)


@dataclass(frozen=True)
class Plan:
    """How a queue chooses: who may answer, from when on, who of them first, and how waiting counts.

    order  of the agents who may: longest_idle; most_skilled or least_skilled first (levels in what is needed);
    fewest_calls or least_talk since they signed in; weighted: a level more is worth `weight_s` of idleness.
    ageing  points a waiting minute is worth.
    """

    need: Need
    steps: tuple[Step, ...] = ()
    prefer: Need | None = None
    order: Order = "longest_idle"
    weight_s: int = 60
    ageing: int = 1

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise BadArgument(f"order {self.order!r}: expected one of {', '.join(ORDERS)}")
        if len(self.steps) > STEPS_MAX:
            raise BadArgument(f"{len(self.steps)} relax steps; at most {STEPS_MAX}")
        times = [step.after_s for step in self.steps]
        if any(later <= earlier for earlier, later in itertools.pairwise(times)):
            raise BadArgument(f"relax steps after {times} s; expected each later than the one before")
        if not 0 <= self.ageing <= 100 or not 0 < self.weight_s <= 3600:
            raise BadArgument(f"ageing {self.ageing}, weight_s {self.weight_s}; expected 0-100 and 1-3600")


@dataclass(frozen=True)
class AgentProfile:
    """An agent as signed in.

    endpoint  what the controller dials.  skills  name -> level 1-10.  projects  client companies he works for.
    ring_s  how long his phone rings.  wrap_up_s  rest after a talk, 0 for none; a queue may set its own.
    """

    agent_id: str
    endpoint: str
    skills: Mapping[str, int] = field(default_factory=dict)
    ring_s: float = 20
    wrap_up_s: float = 10
    name: str = ""
    language: str = ""
    projects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_id("agent_id", self.agent_id)
        if len(self.all_skills) > SKILLS_MAX:
            raise BadArgument(f"agent {self.agent_id}: {len(self.all_skills)} skills; at most {SKILLS_MAX}")
        for skill, level in self.all_skills.items():
            check_skill(skill, level)
        if not 0 < self.ring_s <= 300:
            raise BadArgument(f"agent {self.agent_id}: ring_s {self.ring_s}; expected more than 0, at most 300")
        if not 0 <= self.wrap_up_s <= 3600:
            raise BadArgument(f"agent {self.agent_id}: wrap_up_s {self.wrap_up_s}; expected 0 to 3600")

    @property
    def all_skills(self) -> dict[str, int]:
        """Return the skills with each project as one of them: `project/acme` at level 1."""
        return {**self.skills, **{PROJECT + project: 1 for project in self.projects}}


@dataclass(frozen=True)
class Offer:
    """One call for one agent. token  grows with every offer; an old one changes nothing.

    deadline_ms  accept or refuse before.  reason  in words, why this agent.  queue  the call is in now.
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
    queue: str = ""


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
    """position  1 is next.  waiting  calls in line with the same needs.  agents_in  as in Placement."""

    position: int
    agents_in: int
    waiting: int
    queue: str = ""


@dataclass(frozen=True)
class WaitingCall:
    """A call as `snapshot()` shows it. since_ms  begin of its state.  agent_id  '' without one.

    need  who may answer from the first moment on.  node  the Asterisk it is on, `-` for a call-back.
    """

    call_id: str
    queue: str
    need: str
    priority: int
    state: CallState
    entered_ms: int
    since_ms: int
    agent_id: str = ""
    controller: str = ""
    node: str = ""
    emergency: bool = False


@dataclass(frozen=True)
class AgentView:
    """An agent as `snapshot()` shows him. reason  why paused.  call_id  '' without one.

    until_ms  end of wrap-up or back-off, else 0.  calls, talk_ms  taken and talked since he signed in.
    """

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
    until_ms: int = 0
    calls: int = 0
    talk_ms: int = 0


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


def _term(text: str) -> tuple[str, str, int]:
    found = _TERM.fullmatch(text)
    if not found:
        raise BadArgument(f"need {text[:60]!r}: expected SKILL, SKILL>=LEVEL or SKILL<=LEVEL, several joined by &")
    skill, op, level = found[1], found[2] or ">=", int(found[3] or LEVEL_MIN)
    check_skill(skill, level)
    return skill, op, level
