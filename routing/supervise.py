"""What agents and supervisors do: sign in and out, rest, change a call, lend agents. Part of `Router`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from routing import keys
from routing.errors import UnknownAgent, UnknownCall
from routing.link import Client, answer
from routing.model import PROJECT, AgentProfile, Plan, check_id, check_skill
from routing.rules import read_class
from routing.scripts import Scripts, Value
from routing.sweep import ms


class Supervision:
    """The operations of `Router` that begin with a person, not with a call; each acts at once."""

    _client: Client
    _scripts: Scripts
    _root: str

    async def sign_in(self, profile: AgentProfile) -> None:
        """Sign an agent in, or renew his profile; ends a pause. He gets the best waiting call at once."""
        await self._scripts.run("agent_sign_in", **_profile(profile, "sign_in"))

    async def update(self, profile: AgentProfile) -> bool:
        """Give an agent who is signed in new skills, projects, times or a phone; a pause or call he has stays.

        Returns False when he is not signed in: nothing changed.
        """
        try:
            await self._scripts.run("agent_sign_in", **_profile(profile, "update"))
        except UnknownAgent:
            return False
        return True

    async def sign_out(self, agent_id: str) -> None:
        """Sign an agent out, at once or when the call he has ends. Who is not in stays out."""
        await self._scripts.run("agent_sign_out", agent_id=agent_id)

    async def pause(self, agent_id: str, reason: str = "") -> None:
        """No new calls for this agent; what he has goes on. Raises UnknownAgent."""
        await self._scripts.run("agent_pause", agent_id=agent_id, wish="pause", pause_reason=reason)

    async def unpause(self, agent_id: str) -> None:
        """End a pause; also forgets unanswered calls in a row. Raises UnknownAgent."""
        await self._scripts.run("agent_pause", agent_id=agent_id, wish="unpause", pause_reason="")

    async def toggle_pause(self, agent_id: str, reason: str = "") -> bool:
        """Pause or end the pause, whichever it is not. Returns whether he is paused now."""
        reply = await self._scripts.run("agent_pause", agent_id=agent_id, wish="toggle", pause_reason=reason)
        return bool(reply["paused"])

    async def end_wrap_up(self, agent_id: str) -> None:
        """End wrap-up or back-off before its time. Raises UnknownAgent."""
        await self._scripts.run("agent_ready", agent_id=agent_id)

    async def extend_wrap_up(self, agent_id: str, by_s: float) -> None:
        """Let the wrap-up he is in last longer; without one nothing changes. Raises UnknownAgent."""
        await self._scripts.run("agent_extend", agent_id=agent_id, extra_ms=ms(by_s))

    async def restore(self, profiles: Iterable[AgentProfile]) -> None:
        """Sign in all of `profiles`, as after Redis came back empty."""
        for profile in profiles:
            await self.sign_in(profile)

    async def lend(self, project: str, on: bool) -> None:
        """Begin or end lending the agents of a project: relax steps marked with it count only meanwhile."""
        check_skill(PROJECT + project, 1)
        await self._scripts.run("project_lend", project=project, on=int(on))

    async def _change(
        self, call_id: str, queue: str | None, plan: Plan | None, priority: int | None, emergency: bool | None
    ) -> tuple[str, str, dict[str, Any]]:
        """Change a call; return its queue, its class, and where it stands now.

        What is not given is read first: of two supervisors who change one call in the same moment, the later wins.
        """
        if queue is not None:
            check_id("queue", queue)
        record = f"{self._root}:call:{call_id}"
        its_queue, its_class = await answer(_fields(self._client, record, ["queue", "class"]))
        if its_queue is None or its_class is None:
            raise UnknownCall(f"call {call_id} is in no queue")
        queue = queue or its_queue
        its_class = _changed(its_class, plan=plan, priority=priority, emergency=emergency)
        reply = await self._scripts.run("call_change", **{"call_id": call_id, "queue": queue, "class": its_class})
        return queue, its_class, reply


def _changed(name: str, *, plan: Plan | None, priority: int | None, emergency: bool | None) -> str:
    """Return the class with another plan, priority or tier; what is None stays."""
    was = read_class(name)
    priority = was.priority if priority is None else priority
    emergency = was.tier > 0 if emergency is None else emergency
    if plan:
        return keys.class_name(plan, priority, emergency=emergency)
    return re.sub(r"@\d+:-?\d+:", f"@{int(emergency)}:{priority}:", name)


async def _fields(client: Client, record: str, names: list[str]) -> list[str | None]:
    return cast(list[str | None], await client.hmget(record, names))


def _profile(profile: AgentProfile, mode: str) -> dict[str, Value]:
    return {
        "agent_id": profile.agent_id,
        "group": keys.group_name(profile.all_skills),
        "endpoint": profile.endpoint,
        "name": profile.name,
        "language": profile.language,
        "ring_ms": ms(profile.ring_s),
        "wrap_up_ms": ms(profile.wrap_up_s),
        "mode": mode,
    }
