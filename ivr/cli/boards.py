"""What the queues hold as tables: queues, calls, agents. Called by `ivr queue show`, `ivr agent list --watch`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ivr.cli.live import Board
from routing.explain import need_words
from routing.model import PROJECT, AgentView, Snapshot, WaitingCall

if TYPE_CHECKING:
    from routing.router import Router

STATES = {"back_off": "back-off", "wrap_up": "wrap-up", "detached": "no controller"}


def queue_board(snapshot: Snapshot) -> Board:
    """Return a row for each queue that holds calls, waiting or talking."""
    rows = []
    for name in sorted({call.queue for call in snapshot.calls}):
        calls = [call for call in snapshot.calls if call.queue == name]
        waiting = [call for call in calls if call.state != "bridged"]
        longest = age(snapshot.now_ms - min(call.entered_ms for call in waiting)) if waiting else ""
        rows.append((name, str(len(waiting)), longest, str(len(calls) - len(waiting))))
    return Board("Queues", ("queue", "waiting", "longest", "talking"), rows, "no call is in any queue")


def call_board(snapshot: Snapshot) -> Board:
    """Return the calls, those in line first and in the order they are served as far as priority tells."""
    ordered = [*snapshot.waiting, *(call for call in snapshot.calls if call.state == "bridged")]
    head = ("#", "call", "queue", "asks for", "priority", "state", "waited", "agent")
    rows = [_call(n, call, snapshot.now_ms) for n, call in enumerate(ordered, 1)]
    return Board(f"Calls ({len(snapshot.waiting)} waiting)", head, rows, "no call is in any queue")


def agent_board(snapshot: Snapshot, out: Mapping[str, str] = MappingProxyType({})) -> Board:
    """Return every agent who is signed in, with what he does and since when. out  id -> name of others to list."""
    head = ("agent", "name", "state", "for", "skills", "projects", "calls", "talked", "call")
    rows = [_agent(agent, snapshot.now_ms) for agent in snapshot.agents]
    absent = out.keys() - {agent.agent_id for agent in snapshot.agents}
    rows += [(agent_id, out[agent_id], "out", *[""] * 6) for agent_id in sorted(absent)]
    return Board(f"Agents ({len(snapshot.agents)} in)", head, rows, "no agent is signed in; see `ivr agent in --help`")


async def who_is_in(router: Router, names: Mapping[str, str]) -> tuple[Board]:
    """Return the agents as they are now, those of `names` (id -> name) who are not signed in last."""
    return (agent_board(await router.snapshot(), names),)


def state_of(view: AgentView) -> str:
    """Return what an agent does, or why he gets no calls."""
    if view.status == "out":
        return "out"
    if view.status == "paused":
        return f"paused: {view.reason}" if view.reason else "paused"
    return STATES.get(view.state, view.state)


def age(ms: int) -> str:
    """Return a length of time as m:ss, with hours when there are any."""
    seconds = max(0, ms // 1000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _call(number: int, call: WaitingCall, now_ms: int) -> tuple[str, ...]:
    talks = call.state == "bridged"
    return (
        "" if talks else str(number),
        call.call_id,
        call.queue,
        need_words(call.need),
        "emergency" if call.emergency else str(call.priority),
        "talking" if talks else STATES.get(call.state, call.state),
        age((call.since_ms if talks else now_ms) - call.entered_ms),
        call.agent_id,
    )


def _agent(view: AgentView, now_ms: int) -> tuple[str, ...]:
    skills = [f"{skill} {level}" for skill, level in sorted(view.skills.items()) if not skill.startswith(PROJECT)]
    projects = [skill.removeprefix(PROJECT) for skill in sorted(view.skills) if skill.startswith(PROJECT)]
    return (
        view.agent_id,
        view.name,
        state_of(view),
        age(now_ms - view.since_ms),
        ", ".join(skills),
        ", ".join(projects),
        str(view.calls),
        age(view.talk_ms),
        view.call_id,
    )
