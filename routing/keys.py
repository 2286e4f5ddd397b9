"""Names in Redis: the root of a group, classes of calls, groups of agents. Pure.

All keys of one routing group begin with its root, which holds the hash tag: one node of a cluster has them.
Scripts get the root as KEYS[1] and build the rest from it (which classes and agents an operation touches is
only known inside the script); a key outside the root cannot be named. docs/decisions/0004-routing-in-lua.md.

    root:call:<id>  root:agent:<id>     hashes, the primary records
    root:calls  root:agents             all ids
    root:w:<class>  root:i:<group>      waiting calls by score, ready agents by idle-since
    root:heads:w  root:heads:i          first member of each of those
    root:classes  root:groups  root:needs       which fits which
    root:agents_in  root:group_size  root:queue_size    counters
    root:due                            by time: offer, agent, lost, class
    root:controllers  root:held:<controller>  root:offers:<controller>
    root:events  root:token  root:epoch  root:reply:<request>
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from routing.errors import BadArgument
from routing.model import Need

NO_SKILLS = "-"


def root(group: str) -> str:
    """Return the root of a routing group: `hotline:{main}`."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", group):
        raise BadArgument(f"routing group {group!r}: expected letters, digits, . _ -, at most 64")
    return f"hotline:{{{group}}}"


def class_name(need: Need, priority: int) -> str:
    """Return the class of calls with this need and priority: `internet>=3@0`."""
    return f"{need}@{priority}"


def group_name(skills: Mapping[str, int]) -> str:
    """Return the group of agents with these skills: `internet=3,pl=5`, `-` for none."""
    return ",".join(f"{skill}={level}" for skill, level in sorted(skills.items())) or NO_SKILLS


def group_skills(group: str) -> dict[str, int]:
    """Return the skills a group name stands for."""
    if group == NO_SKILLS:
        return {}
    return {skill: int(level) for skill, _, level in (part.rpartition("=") for part in group.split(","))}
