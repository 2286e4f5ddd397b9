"""Measure: what the last calls teach about waiting: expected wait (EWT) as a range, service level. Pure.

Fed with the events stream (by `Router.run`, in bench/routing_sim.py). Time is the `at_ms` of the events, so the same
events give the same answers; an event that cannot be read is left out, nothing raises.

A caller with Q calls before him waits, by the queue-length estimator with abandonment (QLm; Ibrahim and Whitt 2009),
the sum over i = 0..Q of 1 / (s mu n + i theta): n agents, of whose work the share s goes to his line, finish mu calls
a second each, and each of the i before him leaves with the rate theta. Where s is less than 1 other lines decide as
well how soon his turn comes, and what they do to him shows in the wait of the head of his line: so QLm counts for s
of the answer, the head for the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

# An observation weighs 1/e of a new one after so many more: 50 handling times know their mean within 5 to 10 %, and
# when talks become shorter in a storm that is learnt within minutes.
WORK_MEMORY, PATIENCE_MEMORY, SHARE_MEMORY = 50, 100, 30
TALKS_MIN = 5
# Believed before anything is known: agents' whole work is for the line, for one call; nobody leaves in ten minutes.
SHARE_PRIOR_CALLS, PATIENCE_PRIOR_MS = 1.0, 600_000.0
SERVICE_LEVEL_WINDOW_MS, SERVICE_LEVEL_CALLS_MIN = 30 * 60_000, 5
# The range is at least so wide to either side (G14 of the performance goals), wider where few agents make it chance.
RANGE_S, RANGE_SHARE = 30.0, 0.25
# Nine of ten lie within so many deviations; what the head tells is off by so much of itself.
DEVIATIONS, HEAD_DEVIATION = 1.645, 0.8
LEAST_S = 1.0
# An agent busy for longer: events were missed, nobody talks half a day.
LONGEST_MS = 4 * 3_600_000
POSITION_MAX, ANSWERED_MAX, LINES_MAX, TRACKED_MAX = 10_000, 5_000, 1_000, 100_000
AT_MS_MAX = 10**14


@dataclass(frozen=True)
class Wait:
    """How long a caller still waits: nine of ten between low_s and high_s, mean_s on average."""

    low_s: float
    high_s: float
    mean_s: float

    def no_longer_than(self, earlier: Wait | None) -> Wait:
        """Return this wait, no end of it beyond `earlier`: for a caller who heard that, so that he hears no growing."""
        if earlier is None:
            return self
        return Wait(min(self.low_s, earlier.low_s), min(self.high_s, earlier.high_s), min(self.mean_s, earlier.mean_s))


@dataclass
class _Ratio:
    """A sum over another, of observations that weigh the less the older. weight  of all, at most `memory`."""

    memory: int = WORK_MEMORY
    top: float = 0.0
    bottom: float = 0.0
    weight: float = 0.0

    def add(self, top: float, bottom: float, weight: float = 1.0) -> None:
        keep = (1 - 1 / self.memory) ** weight
        self.top, self.bottom = self.top * keep + top, self.bottom * keep + bottom
        self.weight = self.weight * keep + weight


@dataclass
class _Queue:
    """What is alike for all callers of a queue. work  agents' ms per talk.  patience  leavers per ms waited.

    waiting  call -> since when.  area_ms  waited by all since the last one left the line, until at_ms.
    answered  (when, waited_ms, whether an agent answered) of the last calls.
    """

    work: _Ratio = field(default_factory=_Ratio)
    patience: _Ratio = field(default_factory=lambda: _Ratio(PATIENCE_MEMORY))
    waiting: dict[str, int] = field(default_factory=dict)
    area_ms: int = 0
    at_ms: int = 0
    answered: deque[tuple[int, int, bool]] = field(default_factory=lambda: deque(maxlen=ANSWERED_MAX))

    def pass_time(self, at_ms: int) -> None:
        """Let those who wait do so until `at_ms`."""
        self.area_ms += len(self.waiting) * min(LONGEST_MS, max(0, at_ms - self.at_ms))
        self.at_ms = max(self.at_ms, at_ms)

    def leaves_per_ms(self) -> float:
        return self.patience.top / (self.patience.bottom + self.area_ms + PATIENCE_PRIOR_MS)


@dataclass
class _Line:
    """Calls that wait for the same agents. takers  who took one of them.  waiting  call -> since when, oldest first.

    share  the takers' work for this line to all their work, while calls wait in it.  others_ms  their work for other
    lines since the last call was taken from this one.  last_ms  how long that one had waited.
    """

    takers: set[str] = field(default_factory=set)
    share: _Ratio = field(default_factory=lambda: _Ratio(SHARE_MEMORY))
    others_ms: float = 0.0
    waiting: dict[str, int] = field(default_factory=dict)
    last_ms: int = 0

    def share_of_work(self, work_ms: float) -> float:
        prior_ms = SHARE_PRIOR_CALLS * work_ms
        return (self.share.top + prior_ms) / (self.share.bottom + self.others_ms + prior_ms)

    def head_ms(self, now_ms: int) -> int:
        """How long the head waits, or the last one had who was taken, whichever is longer."""
        return max(self.last_ms, now_ms - next(iter(self.waiting.values()), now_ms))

    def taken(self, work_ms: float, *, other: bool) -> None:
        """One of the takers took a call, of this line or of another; it counts while calls wait here."""
        if other and self.waiting:
            self.others_ms += work_ms
        elif not other:
            self.share.add(work_ms, work_ms + self.others_ms)
            self.others_ms = 0.0


@dataclass
class _Agent:
    """What an agent does. busy_since_ms  the offer he works on was made, None when ready; queue  of that call.

    talking  now.  talked  since that offer.  lines  he took calls of.
    """

    is_in: bool = True
    busy_since_ms: int | None = None
    queue: str = ""
    talking: bool = False
    talked: bool = False
    lines: set[str] = field(default_factory=set)


class Measure:
    """Means of the recent past of one routing group. Memory is bounded by agents, queues, lines and live calls."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._queues: dict[str, _Queue] = {}
        self._lines: dict[str, _Line] = {}
        self._agents: dict[str, _Agent] = {}
        self._calls: dict[str, tuple[str, str]] = {}
        self._acts: dict[str, Callable[[Mapping[str, str], int], None]] = {
            "waiting": self._waiting,
            "changed": self._changed,
            "offered": self._offered,
            "bridged": self._bridged,
            "ended": self._ended,
            "agent_ready": self._agent_ready,
            "agent_paused": self._agent_paused,
            "agent_unpaused": self._agent_in,
            "agent_signed_in": self._agent_in,
            "agent_signed_out": self._agent_out,
        }

    # Answers

    def expected_wait(self, queue: str, position: int, agents_in: int, waited_s: float, line: str = "") -> Wait | None:
        """Estimate how long the call at `position` still waits.

        position  1 is next.  agents_in  signed in, not paused and able to take it.  waited_s  so far: the longer,
        the shorter what is left.  line  the part of its class before `@`; '' where all calls of a queue are alike.
        Returns None while nothing is known: nobody is in, or fewer than TALKS_MIN recent talks of the queue.
        """
        known, here = self._queues.get(queue), self._lines.get(line or queue, _Line())
        if known is None or agents_in < 1 or known.work.bottom < TALKS_MIN:
            return None
        work_ms = max(1.0, known.work.top / known.work.bottom)
        share = here.share_of_work(work_ms)
        known.pass_time(self.now_ms)
        ends, leaves = share * self._serving(here, agents_in) / work_ms * 1000, known.leaves_per_ms() * 1000
        steps_s = [1 / (ends + before * leaves) for before in range(min(max(position, 1), POSITION_MAX))]
        head_s = max(0.0, here.head_ms(self.now_ms) / 1000 - waited_s)
        mean_s = max(LEAST_S, share * sum(steps_s) + (1 - share) * head_s)
        doubt = ((1 - share) * HEAD_DEVIATION) ** 2 + 1 / known.work.weight
        return _range(mean_s, share * share * sum(step * step for step in steps_s) + mean_s * mean_s * doubt)

    def service_level(self, queue: str | Iterable[str], target_s: float) -> float | None:
        """Return the share (0-1) of calls answered within `target_s` in the last half hour; of one queue or several.

        Who left before that time does not count; who left or waits after it counts as not answered. None with
        fewer than SERVICE_LEVEL_CALLS_MIN calls.
        """
        names, target_ms, good, bad = (queue,) if isinstance(queue, str) else queue, target_s * 1000, 0, 0
        for known in (self._queues[name] for name in names if name in self._queues):
            for at_ms, waited_ms, was_answered in known.answered:
                if at_ms >= self.now_ms - SERVICE_LEVEL_WINDOW_MS:
                    good += was_answered and waited_ms <= target_ms
                    bad += waited_ms > target_ms
            bad += sum(self.now_ms - since > target_ms for since in known.waiting.values())
        return good / (good + bad) if good + bad >= SERVICE_LEVEL_CALLS_MIN else None

    def _serving(self, line: _Line, agents_in: int) -> int:
        """Agents who take calls of the line: those who may, until it is known who does."""
        if line.share.weight < TALKS_MIN:
            return agents_in
        return max(1, min(agents_in, sum(self._agents[name].is_in for name in line.takers if name in self._agents)))

    # Events of calls

    def feed(self, event: Mapping[str, str]) -> None:
        """Learn from one event of the stream. Unknown and unreadable ones are left out."""
        act, at_ms = self._acts.get(event.get("type", "")), _whole(event.get("at_ms", ""))
        if act is not None and at_ms is not None:
            self.now_ms = max(self.now_ms, at_ms)
            act(event, at_ms)

    def _waiting(self, event: Mapping[str, str], at_ms: int) -> None:
        call, name = event.get("call", ""), event.get("queue", "")
        if not call or not name:
            return
        self._out_of_line(call, at_ms)
        line = event.get("class", "").partition("@")[0] or name
        queue = self._queue(name)
        queue.pass_time(at_ms)
        queue.waiting[call] = self._line(line).waiting[call] = at_ms
        self._calls[call] = name, line
        if len(self._calls) > TRACKED_MAX:
            self._out_of_line(next(iter(self._calls)), at_ms)

    def _changed(self, event: Mapping[str, str], at_ms: int) -> None:
        if event.get("call", "") in self._calls:
            self._waiting(event, at_ms)

    def _offered(self, event: Mapping[str, str], at_ms: int) -> None:
        call, name = event.get("call", ""), event.get("agent", "")
        queue, line = self._calls.get(call, (event.get("queue", ""),) * 2)
        if not name or not queue:
            return
        agent = self._agents.setdefault(name, _Agent())
        self._finish(agent, at_ms)
        agent.busy_since_ms, agent.queue = at_ms, queue
        agent.lines.add(line)
        here = self._line(line)
        here.takers.add(name)
        since_ms = here.waiting.get(call, at_ms)
        here.last_ms = at_ms - since_ms
        work_ms = self._work_ms(queue)
        for other in agent.lines & self._lines.keys():
            if other != line or since_ms < at_ms:  # at once is no sign of what happens to those who wait
                self._lines[other].taken(work_ms, other=other != line)

    def _bridged(self, event: Mapping[str, str], at_ms: int) -> None:
        self._left(event, at_ms, was_answered=True)
        agent = self._agents.get(event.get("agent", ""))
        if agent:
            agent.talking = agent.talked = True

    def _ended(self, event: Mapping[str, str], at_ms: int) -> None:
        if event.get("state") != "bridged":
            self._left(event, at_ms, was_answered=False)
            return
        agent = self._agents.get(event.get("agent", ""))
        if agent:
            agent.talking = False
            if not agent.is_in:  # who wished to leave has no wrap-up and no event of being ready
                self._finish(agent, at_ms)

    def _left(self, event: Mapping[str, str], at_ms: int, *, was_answered: bool) -> None:
        call, waited_ms = event.get("call", ""), _whole(event.get("waited_ms", ""))
        name = self._calls[call][0] if call in self._calls else event.get("queue", "")
        since_ms = self._out_of_line(call, at_ms)
        if not name or (since_ms is None and waited_ms is None):
            return
        queue = self._queue(name)
        if since_ms is not None:
            queue.patience.add(0.0 if was_answered else 1.0, queue.area_ms)
            queue.area_ms = 0
        queue.answered.append((at_ms, at_ms - (since_ms or 0) if waited_ms is None else waited_ms, was_answered))

    def _out_of_line(self, call: str, at_ms: int) -> int | None:
        """Take a call out of queue and line; since when it was there, None when it was not."""
        name, line = self._calls.pop(call, ("", ""))
        if not name:
            return None
        self._queues[name].pass_time(at_ms)
        if line in self._lines:
            self._lines[line].waiting.pop(call, None)
        return self._queues[name].waiting.pop(call)

    # Events of agents

    def _agent_ready(self, event: Mapping[str, str], at_ms: int) -> None:
        agent = self._agents.get(event.get("agent", ""))
        if agent:
            self._finish(agent, at_ms)

    def _agent_in(self, event: Mapping[str, str], at_ms: int) -> None:
        if name := event.get("agent", ""):
            self._agents.setdefault(name, _Agent()).is_in = True

    def _agent_paused(self, event: Mapping[str, str], at_ms: int) -> None:
        if name := event.get("agent", ""):
            agent = self._agents.setdefault(name, _Agent())
            agent.is_in = False
            if not agent.talked:
                self._finish(agent, at_ms)

    def _agent_out(self, event: Mapping[str, str], at_ms: int) -> None:
        name = event.get("agent", "")
        agent = self._agents.get(name)
        if agent and agent.talking:
            agent.is_in = False
        elif agent:
            self._finish(agent, at_ms)
            for line in agent.lines & self._lines.keys():
                self._lines[line].takers.discard(name)
            del self._agents[name]

    def _finish(self, agent: _Agent, at_ms: int) -> None:
        """Book the time since the offer, ringing and back-off included, as work for its queue."""
        if agent.busy_since_ms is not None and 0 <= at_ms - agent.busy_since_ms <= LONGEST_MS:
            self._queue(agent.queue).work.add(at_ms - agent.busy_since_ms, agent.talked, agent.talked)
        agent.busy_since_ms, agent.talking, agent.talked = None, False, False

    # Records

    def _work_ms(self, queue: str) -> float:
        """Agents' time per talk of a queue; of all queues while it is unknown."""
        work = self._queue(queue).work
        if work.bottom < TALKS_MIN:
            all_work = [known.work for known in self._queues.values()]
            work = _Ratio(top=sum(each.top for each in all_work), bottom=sum(each.bottom for each in all_work))
        return max(1.0, work.top / work.bottom) if work.bottom > 0 else 1.0

    def _queue(self, name: str) -> _Queue:
        return self._queues.setdefault(name, _Queue())

    def _line(self, name: str) -> _Line:
        if name not in self._lines and len(self._lines) >= LINES_MAX:
            del self._lines[next(iter(self._lines))]
        return self._lines.setdefault(name, _Line())


def _range(mean_s: float, variance: float) -> Wait:
    """Nine tenths of a gamma distribution of this mean and variance (Wilson and Hilferty), never narrower than said."""
    ninth = variance / (9 * mean_s * mean_s)
    low_s, high_s = (mean_s * max(0.0, 1 - ninth + z * ninth**0.5) ** 3 for z in (-DEVIATIONS, DEVIATIONS))
    least_s = max(RANGE_S, RANGE_SHARE * mean_s)
    return Wait(max(0.0, min(low_s, mean_s - least_s)), max(high_s, mean_s + least_s), mean_s)


def _whole(text: str) -> int | None:
    try:
        number = int(text)
    except (ValueError, TypeError):
        return None
    return number if 0 <= number <= AT_MS_MAX else None
