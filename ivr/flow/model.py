"""What `dialplans/` becomes once read: immutable, one content-hashed version. Pure data.

`flow/load.py` builds it, calls keep the version they began with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from ivr.call import LANGUAGE_SKILL
from ivr.hours import Calendar
from routing.model import Need, Order, Plan
from routing.model import Step as RoutingStep


@dataclass(frozen=True)
class Step:
    """One step of a flow.

    values  every key its kind declares (flow/steps.py), defaults filled in.  next  '' when not given.
    on  outcome -> step, only those the file names; the others do what the kind declares.
    """

    name: str
    kind: str
    values: Mapping[str, Any]
    on: Mapping[str, str]
    next: str = ""


@dataclass(frozen=True)
class Flow:
    """A call flow. start  where a call begins.  rescue  where a caller goes whom nothing else can help."""

    name: str
    title: str
    start: str
    rescue: str
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Number:
    """A number callers dial (DNIS), the flow that answers it and the language it begins in."""

    number: str
    flow: str
    language: str
    project: str
    name: str


@dataclass(frozen=True)
class Action:
    """What a key in a queue, or its overflow, does.

    kind  callback: offer to call back, keeping the place · message: record one · queue: wait in `queue` instead,
    since the first entry · hear_again: the place and the wait once more · leave: the step's `on` says where.
    """

    kind: str
    queue: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.queue}" if self.queue else self.kind


@dataclass(frozen=True)
class Relax:
    """A relax step as written: from `after_s` of waiting on, more agents may answer, or the call counts for more.

    need, prefer  None when not written.  any_language  drops what `by_language` asks.  lend  the project whose
    agents it asks for.
    """

    after_s: float
    need: Need | None = None
    prefer: Need | None = None
    priority: int = 0
    skip_if_nobody: bool = True
    lend: str = ""
    any_language: bool = False

    @property
    def widens(self) -> bool:
        """Does it let more agents answer?"""
        return bool(self.need or self.any_language or self.lend)


@dataclass(frozen=True)
class ServiceLevel:
    """`percent` of the callers are to be answered within `target_s`."""

    target_s: int
    percent: int


LEAVE = Action("leave")


@dataclass(frozen=True)
class QueueConfig:
    """A queue as dialplans/queues.toml describes it; docs/dialplan.md tells what each field means.

    need  without project and language: `plan` adds them.  project, hours  '' for none.  wrap_up_s  None: the
    agent's own.  max_ewt_s, resume_min, budget_min  0 for none.
    """

    name: str
    need: Need
    title: str = ""
    project: str = ""
    by_language: bool = False
    prefer: Need | None = None
    order: Order = "longest_idle"
    weight_s: int = 60
    ageing: int = 1
    priority: int = 0
    emergency: bool = False
    relax: tuple[Relax, ...] = ()
    service_level: ServiceLevel | None = None
    moh: str = "default"
    ring_s: int = 20
    wrap_up_s: int | None = None
    max_len: int = 100
    max_wait_s: int = 900
    max_ewt_s: int = 0
    position_every_s: int = 30
    ewt: bool = True
    messages: tuple[str, ...] = ()
    message_every_s: int = 60
    affinity: str = ""
    affinity_wait_s: int = 20
    resume_min: int = 0
    budget_min: int = 0
    hours: str = ""
    keys: Mapping[str, Action] = field(default_factory=dict)
    overflow: Action = LEAVE

    def plan(self, language: str = "") -> Plan:
        """Return how the router is to choose for a caller who speaks `language` ('' when not known)."""
        spoken = f"{LANGUAGE_SKILL}{language}" if self.by_language and language else ""
        return Plan(
            need=_asked(self.need, self.project, spoken),
            steps=tuple(self._step(relax, spoken) for relax in self.relax),
            prefer=self.prefer,
            order=self.order,
            weight_s=self.weight_s,
            ageing=self.ageing,
        )

    def _step(self, relax: Relax, spoken: str) -> RoutingStep:
        need = None
        if relax.widens:
            language = "" if relax.any_language else spoken
            need = _asked(relax.need or self.need, relax.lend or self.project, language)
        return RoutingStep(relax.after_s, need, relax.prefer, relax.priority, relax.skip_if_nobody, relax.lend)

    @property
    def ways_out(self) -> tuple[Action, ...]:
        """Return the overflow and every key's action."""
        return self.overflow, *self.keys.values()


def led_to(name: str, queues: Mapping[str, QueueConfig]) -> set[str]:
    """Return the queue `name` and every queue its callers can come to by keys and overflows."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        if (queue := ahead.pop()) in queues and queue not in found:
            found.add(queue)
            ahead += [action.queue for action in queues[queue].ways_out if action.queue]
    return found


def plain(value: object) -> Any:
    """Return a queue, or what one holds, as JSON can hold it: needs and actions as they are written."""
    if isinstance(value, Need | Action):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def _asked(need: Need, project: str, spoken: str) -> Need:
    need = need.of_project(project)
    return need.both(spoken) if spoken else need


@dataclass(frozen=True)
class Dialplans:
    """Everything telecom engineers wrote, checked. version  the first 12 hex digits of the files' SHA-256."""

    version: str
    flows: Mapping[str, Flow]
    numbers: Mapping[str, Number]
    queues: Mapping[str, QueueConfig]
    hours: Mapping[str, Calendar]
    targets: Mapping[str, str]
    emergency: tuple[str, ...]
    webhooks: Mapping[str, str] = field(default_factory=dict)
