"""Names in Redis: the root of a group, classes of calls, groups of agents. Pure.

All keys of one routing group begin with its root, which holds the hash tag: one node of a cluster has them.
Scripts get the root as KEYS[1] and build the rest from it (which classes and agents an operation touches is
only known inside the script); a key outside the root cannot be named. docs/decisions/0004-routing-in-lua.md.

    root:call:<id>  root:agent:<id>     hashes, the primary records
    root:calls  root:agents             all ids
    root:w:<class>  root:w:+<agent>     waiting calls by entry time: of a class; held for one agent (affinity)
    root:i:<group>                      ready agents by idle-since; only where a queue orders so, root:n:<group>
                                        by calls taken and root:t:<group> by time talked
    root:heads:w  :heads:i  :n  :t      first member of each of those
    root:classes  root:groups  root:lines       which fits which; classes of one line (same needs)
    root:agents_in  root:group_size  root:queue_size    counters
    root:due                            by time: offer, agent, lost, hold, ring, class
    root:lending  root:budget           projects that lend agents; milliseconds talked on a budget
    root:controllers  root:held:<controller>  root:offers:<controller>
    root:events  root:token  root:epoch  root:reply:<request>  root:resume:<caller>

A class says everything a decision needs to know of its calls, in its name:

    class = rings @ tier : priority : cap : ageing : bonuses / order
    rings = 0:need, then |after_ms:need for each relax step with a need; after the need ?prefer, before the
            colon ! (acts at once when nobody meets an earlier need) and ^project (counts while that lends)
    bonuses = after_ms+points,...       total points from then on

    0:internet>=3|60000!:internet>=1@0:0:100:1:60000+5/longest_idle
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from routing.errors import BadArgument
from routing.model import PRIORITY_CAP, Need, Plan

NO_SKILLS = "-"


def root(group: str) -> str:
    """Return the root of a routing group: `hotline:{main}`."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", group):
        raise BadArgument(f"routing group {group!r}: expected letters, digits, . _ -, at most 64")
    return f"hotline:{{{group}}}"


def class_name(plan: Plan, priority: int = 0, *, emergency: bool = False) -> str:
    """Return the class of calls with this plan and priority. emergency  above all that are none."""
    rings = [_ring("0", plan.need, plan.prefer)]
    points, bonuses = 0, []
    for step in plan.steps:
        after_ms = round(step.after_s * 1000)
        if step.need:
            marks = ("!" if step.skip_if_nobody else "") + (f"^{step.lend}" if step.lend else "")
            rings.append(_ring(f"{after_ms}{marks}", step.need, step.prefer))
        if step.priority:
            points += step.priority
            bonuses.append(f"{after_ms}+{points}")
    order = plan.order + (str(plan.weight_s * 1000) if plan.order == "weighted" else "")
    worth = f"{int(emergency)}:{priority}:{PRIORITY_CAP}:{plan.ageing}:{','.join(bonuses)}"
    return f"{'|'.join(rings)}@{worth}/{order}"


def _ring(when: str, need: Need, prefer: Need | None) -> str:
    return f"{when}:{need}" + (f"?{prefer}" if prefer else "")


def class_need(name: str) -> str:
    """Return the first need of a class: `internet>=3`."""
    return name.partition("@")[0].partition("|")[0].partition(":")[2].partition("?")[0]


def class_priority(name: str) -> int:
    """Return the priority a call of this class has before it waits."""
    return int(name.partition("@")[2].split(":")[1])


def group_name(skills: Mapping[str, int]) -> str:
    """Return the group of agents with these skills: `internet=3,pl=5`, `-` for none."""
    return ",".join(f"{skill}={level}" for skill, level in sorted(skills.items())) or NO_SKILLS


def group_skills(group: str) -> dict[str, int]:
    """Return the skills a group name stands for."""
    if group == NO_SKILLS:
        return {}
    return {skill: int(level) for skill, _, level in (part.rpartition("=") for part in group.split(","))}
