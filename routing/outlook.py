"""What a new caller of a queue would meet now: who waits, who could answer, how long it may take. Pure.

Worked out from a snapshot and from what Measure learnt; called by whoever decides before a call is in line.
"""

from __future__ import annotations

from dataclasses import dataclass

from routing.keys import class_name
from routing.measure import Measure, Wait
from routing.model import Plan, Snapshot
from routing.rules import read_class, ring_met

AT_ONCE = Wait(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Outlook:
    """waiting  calls of the queue nobody has answered yet.  agents_in  signed in, not paused, able to answer at once
    or later.  wait  None while too little is known, or nobody is in."""

    waiting: int
    agents_in: int
    wait: Wait | None


def outlook(
    snapshot: Snapshot, measure: Measure, queue: str, plan: Plan, *, priority: int = 0, emergency: bool = False
) -> Outlook:
    """Return what a caller with `plan` would meet who came to `queue` at the moment of `snapshot`, as its last one.

    Agents that another project lends do not count.
    """
    name = class_name(plan, priority, emergency=emergency)
    asked = read_class(name)
    able = [agent for agent in snapshot.agents if ring_met(asked, agent.skills, ()) is not None]
    agents_in = [agent for agent in able if agent.status == "in"]
    waiting = max(0, snapshot.queues.get(queue, 0))
    if not waiting and any(agent.state == "ready" for agent in agents_in):
        return Outlook(waiting, len(agents_in), AT_ONCE)
    wait = measure.expected_wait(queue, waiting + 1, len(agents_in), 0.0, asked.line)
    return Outlook(waiting, len(agents_in), wait)
