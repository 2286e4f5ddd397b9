"""Callers and agents made up from a seed: a storm, an ordinary day, 300 agents and 3,000 calls. Pure.

Everything a caller or agent will do (patience, length of the talk, seconds until a phone is picked up) is decided
here or drawn from names and the seed, so every way of routing is given the very same input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from routing.model import AgentProfile, Need, Order, Plan, Step

START_MS = 1_800_000_000_000
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Line:
    """A queue. weight  share of the calls.  talk_s, wrap_up_s  mean.  emergency  above all that are none."""

    name: str
    plan: Plan
    weight: float = 1.0
    priority: int = 0
    emergency: bool = False
    talk_s: float = 150.0
    wrap_up_s: float = 20.0
    project: str = ""
    by_language: bool = False

    def plan_for(self, language: str) -> Plan:
        """Return the plan of a caller of this language: project and language are part of every need."""

        def whole(need: Need) -> Need:
            need = need.of_project(self.project)
            return need.both(f"lang/{language}") if self.by_language else need

        steps = tuple(
            Step(s.after_s, whole(s.need) if s.need else None, s.prefer, s.priority, s.skip_if_nobody, s.lend)
            for s in self.plan.steps
        )
        plan = self.plan
        return Plan(whole(plan.need), steps, plan.prefer, plan.order, plan.weight_s, plan.ageing)


@dataclass(frozen=True)
class Caller:
    """A call as it will be. patience_ms  he leaves after waiting so long."""

    call_id: str
    line: Line
    plan: Plan
    at_ms: int
    patience_ms: int
    talk_ms: int
    wrap_up_ms: int


@dataclass(frozen=True)
class Load:
    """One input. seed  also draws how long each phone rings."""

    seed: int
    agents: tuple[AgentProfile, ...]
    callers: tuple[Caller, ...]
    lending: tuple[str, ...] = ()
    ring_s: float = 20.0
    unanswered: float = 0.02
    skills: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def pick_up_ms(self, call_id: str, agent_id: str, nth: int) -> int | None:
        """How long this agent's phone rings for the nth offer of this call; None when he does not pick up."""
        chance = Random(f"{self.seed} {call_id} {agent_id} {nth}")
        return None if chance.random() < self.unanswered else round(chance.uniform(2_000, 7_000))


STORM_TALK_S, STORM_WRAP_UP_S, PICK_UP_S, STORM_PATIENCE_S = 150.0, 15.0, 4.5, 600.0
CALM_MIN = 60


def storm(
    seed: int,
    *,
    agents: int = 30,
    times: float = 10.0,
    calm_min: int = CALM_MIN,
    talk_factor: float = 1.0,
    patience_variation: float = 0.0,
) -> Load:
    """An outage: one queue at 80 % load for `calm_min`, then `times` the load, gone again within half an hour.

    talk_factor  of the talks of the storm.  patience_variation  of a log-normal patience; 0 for an exponential one.
    """
    line = Line("support", Plan(Need("internet")), talk_s=STORM_TALK_S, wrap_up_s=STORM_WRAP_UP_S)
    usual = 0.8 * agents / (line.talk_s + line.wrap_up_s + PICK_UP_S)

    def rate(minute: float) -> float:
        since = minute - calm_min
        return usual * (1 if since < 0 else 1 + (times - 1) * min(1.0, since / 2) * math.exp(-max(0.0, since - 2) / 8))

    people = tuple(AgentProfile(f"a{n:03}", f"PJSIP/a{n:03}", {"internet": 5}) for n in range(agents))
    callers = _callers(Random(f"storm {seed}"), (line,), rate, calm_min + 90, STORM_PATIENCE_S, ("pl",))
    chance, begin_ms = Random(f"changed storm {seed}"), START_MS + calm_min * MINUTE_MS
    if patience_variation:
        lengths = [_log_normal_ms(chance, STORM_PATIENCE_S, patience_variation) for _ in callers]
        callers = tuple(replace(caller, patience_ms=ms) for caller, ms in zip(callers, lengths, strict=True))
    if talk_factor != 1:
        callers = tuple(
            replace(c, talk_ms=round(c.talk_ms * talk_factor)) if c.at_ms >= begin_ms else c for c in callers
        )
    return _load(seed, people, callers)


def storm_wait_s(position: int, agents_in: int) -> float:
    """The mean wait in a storm by QLm, from the means it is made with: nobody who must learn them can know better."""
    ends = agents_in / (STORM_TALK_S + STORM_WRAP_UP_S + PICK_UP_S)
    return sum(1 / (ends + before / STORM_PATIENCE_S) for before in range(position))


def day(seed: int, *, agents: int = 60, hours: float = 8.0) -> Load:
    """An ordinary day: eight queues, three languages, agents of several skills, busy around 10 and 14 o'clock."""
    lines = LINES[:8]

    def rate(minute: float) -> float:
        hour = minute / 60
        peaks = math.exp(-((hour - 2) ** 2) / 0.9) + 0.9 * math.exp(-((hour - 6) ** 2) / 0.9)
        return agents / 178 * (0.45 + 0.62 * peaks)

    people = _people(Random(f"agents {seed}"), agents)
    callers = _callers(Random(f"day {seed}"), lines, rate, round(hours * 60), 900.0, LANGUAGES)
    return _load(seed, people, callers, lending=("acme",))


def mixed(seed: int, *, agents: int = 300, calls: int = 3_000) -> Load:
    """Many agents and calls of mixed skills, relax steps and priorities; for a while more calls than can be taken."""
    lines = LINES
    capacity = agents / 178

    def rate(minute: float) -> float:
        return capacity * (0.9 if minute < 5 else 1.7 if minute < 20 else 0.7)

    people = _people(Random(f"agents {seed}"), agents)
    callers = _callers(Random(f"mixed {seed}"), lines, rate, 1_000, 2_400.0, LANGUAGES, at_most=calls)
    return _load(seed, people, callers, lending=("acme",))


def _load(
    seed: int, people: tuple[AgentProfile, ...], callers: tuple[Caller, ...], lending: tuple[str, ...] = ()
) -> Load:
    return Load(seed, people, callers, lending, skills={person.agent_id: person.all_skills for person in people})


LANGUAGES = ("pl", "pl", "pl", "pl", "pl", "pl", "uk", "en", "ru")
TEAMS: tuple[tuple[float, Mapping[str, int], tuple[str, ...]], ...] = (
    (0.34, {"internet": 4, "tv": 3}, ("provider",)),
    (0.16, {"internet": 8, "network": 5}, ("provider",)),
    (0.16, {"billing": 5, "sales": 3}, ("provider",)),
    (0.08, {"sales": 7}, ("provider",)),
    (0.08, {"internet": 6, "business": 5, "vip": 3}, ("provider",)),
    (0.12, {"bank": 5}, ("acme",)),
    (0.06, {"bank": 7, "billing": 4, "internet": 2}, ("acme", "provider")),
)


def _line(
    name: str,
    need: str,
    *steps: Step,
    weight: float,
    talk_s: float = 150.0,
    project: str = "provider",
    priority: int = 0,
    emergency: bool = False,
    by_language: bool = False,
    order: Order = "longest_idle",
    ageing: int = 10,
    prefer: str = "",
) -> Line:
    plan = Plan(Need(need), steps, Need(prefer) if prefer else None, order, ageing=ageing)
    return Line(name, plan, weight, priority, emergency, talk_s, project=project, by_language=by_language)


def _step(after_s: float, need: str, priority: int = 0, prefer: str = "") -> Step:
    return Step(after_s, Need(need), Need(prefer) if prefer else None, priority)


LINES = (
    _line("support", "internet>=4", _step(60, "internet"), _step(180, "tv", 10), weight=30, talk_s=170,
          by_language=True, order="least_skilled"),
    _line("tv", "tv>=2", _step(90, "internet"), weight=10, by_language=True),
    _line("network", "network>=3", _step(120, "internet>=6", 10), weight=8, talk_s=260, priority=10),
    _line("billing", "billing>=3", _step(120, "sales", prefer="sales<=4"), weight=16, talk_s=120, by_language=True),
    _line("sales", "sales>=3", _step(60, "billing"), weight=11, talk_s=200, priority=20, order="most_skilled"),
    _line("business", "business>=3", _step(30, "internet>=6", 20), weight=5, priority=30, prefer="vip", ageing=20),
    _line("bank", "bank>=3", _step(45, "bank"), weight=14, project="acme", order="weighted"),
    _line("bank-cards", "bank>=6", _step(60, "bank", 5), weight=4, talk_s=100, project="acme", priority=15,
          order="fewest_calls"),
    _line("outage", "internet>=2", _step(20, "tv"), weight=2, talk_s=90, emergency=True),
    _line("complaints", "vip", _step(60, "billing>=4"), _step(240, "internet>=6", 40), weight=2, talk_s=300,
          priority=-20, order="least_talk", ageing=20),
)  # fmt: skip


def _people(chance: Random, number: int) -> tuple[AgentProfile, ...]:
    """Agents of the teams, levels a step up or down, one to three languages."""
    shares = [share for share, _, _ in TEAMS]
    people = []
    for n in range(number):
        # The first of each team are certain, so that no team is empty in a small input.
        _, skills, projects = TEAMS[n] if n < len(TEAMS) else chance.choices(TEAMS, shares)[0]
        levels = {skill: max(1, min(10, level + chance.choice((-1, 0, 0, 1)))) for skill, level in skills.items()}
        levels["lang/pl"] = 5
        for language, share in (("uk", 0.25), ("en", 0.3), ("ru", 0.25)):
            if n < len(TEAMS) or chance.random() < share:
                levels[f"lang/{language}"] = chance.randint(2, 5)
        people.append(AgentProfile(f"a{n:03}", f"PJSIP/a{n:03}", levels, projects=projects))
    return tuple(people)


def _callers(
    chance: Random,
    lines: Sequence[Line],
    rate: Callable[[float], float],
    minutes: float,
    patience_s: float,
    languages: Sequence[str],
    at_most: int | None = None,
) -> tuple[Caller, ...]:
    """Poisson arrivals of `rate(minute)` calls a second, log-normal talks, exponential patience."""
    weights = [line.weight for line in lines]
    plans = {(line.name, language): line.plan_for(language) for line in lines for language in languages}
    found: list[Caller] = []
    second = 0.0
    while second < minutes * 60 and (at_most is None or len(found) < at_most):
        second += chance.expovariate(rate(second / 60))
        line, language = chance.choices(lines, weights)[0], chance.choice(languages)
        found.append(
            Caller(
                f"c{len(found):05}",
                line,
                plans[line.name, language],
                START_MS + round(second * 1000),
                round(chance.expovariate(1 / patience_s) * 1000) + 1_000,
                _log_normal_ms(chance, line.talk_s, 0.7),
                _log_normal_ms(chance, line.wrap_up_s, 0.4),
            )
        )
    return tuple(found)


def _log_normal_ms(chance: Random, mean_s: float, variation: float) -> int:
    """A positive length: mean, and standard deviation as a share of it."""
    sigma2 = math.log(1 + variation * variation)
    return round(1000 * math.exp(chance.gauss(math.log(mean_s) - sigma2 / 2, math.sqrt(sigma2))))
