"""Change agents where it counts: the database first, then at once the router and Asterisk. A dead hotline is a note.

Called by `ivr agent`, the page Agents and the API; the same checks hold for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ivr.desk.agents import Agent, Agents, Change
from ivr.desk.staffing import Watch, watch
from ivr.errors import ConfigError, HotlineError, InputError, PeerError
from ivr.settings import Settings

if TYPE_CHECKING:
    from routing.model import AgentView
    from routing.router import Router

REASON_MOST = 60


class WithRouter(Protocol):
    """Does something with the hotline's router. Raises PeerError when it does not answer."""

    def __call__(self, do: Callable[[Router], Awaitable[Any]], /) -> Awaitable[Any]: ...


@dataclass(frozen=True)
class Edited:
    """What an edit did. signed_in  who of the changed acts by it at once.  notes  what is good to know."""

    before: Agent
    after: Agent
    signed_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class AgentDesk:
    """Agents as supervisors change them."""

    def __init__(self, agents: Agents, settings: Settings, with_router: WithRouter) -> None:
        self.agents, self.settings, self.with_router = agents, settings, with_router

    async def edit(self, agent_id: str, changed: Callable[[Agent], Change], *, anyway: bool = False) -> Edited:
        """Replace some of what an agent has. changed  given what he has, returns what to replace.

        anyway  also when callers of a queue find nobody then.
        Raises InputError; `Uncovered` when the queues would be left with nobody and not `anyway`.
        """
        before, guard = await self.agents.get(agent_id), await self.guard(anyway)
        after = await self.agents.change(agent_id, changed(before), checked(guard))
        signed_in, note = await self.act_at_once([after] if after != before else [])
        phones = await self.phones_changed() if after.name != before.name else ""
        return Edited(before, after, tuple(signed_in), tuple(filter(None, (note, *noted(guard), phones))))

    async def remove(self, agent_id: str, *, anyway: bool = False) -> list[str]:
        """Remove an agent and his phone; return notes. A talk he is in goes on."""
        guard = await self.guard(anyway)
        removed = await self.agents.remove(agent_id, checked(guard))
        out = await tolerate(self.with_router(lambda router: router.sign_out(removed.agent_id)))
        return [out, await self.phones_changed(), *noted(guard)]

    async def sign_in(self, agent_id: str) -> None:
        """Calls may ring his phone."""
        profile = Agents.profile(await self.agents.get(agent_id))
        await self.with_router(lambda router: router.sign_in(profile))

    async def sign_out(self, agent_id: str) -> None:
        """No more calls; a talk goes on. Also for one who was removed and is signed in still."""
        await self.with_router(lambda router: router.sign_out(agent_id))

    async def pause(self, agent_id: str, reason: str) -> None:
        """Signed in, but no call rings. Raises InputError when he is not signed in."""
        if len(reason) > REASON_MOST or not reason.isprintable():
            raise InputError(f"a reason of at most {REASON_MOST} printable characters expected")
        await self._of_signed_in(lambda router: router.pause(agent_id, reason))

    async def unpause(self, agent_id: str) -> None:
        """End his pause. Raises InputError when he is not signed in."""
        await self._of_signed_in(lambda router: router.unpause(agent_id))

    async def act_at_once(self, changed: Sequence[Agent]) -> tuple[list[str], str]:
        """Give the router the new profiles; return who of them is signed in, and a note when it is not heard."""
        signed_in: list[str] = []

        async def update(router: Router) -> None:
            for agent in changed:
                if await router.update(Agents.profile(agent)):
                    signed_in.append(agent.agent_id)

        note = await tolerate(self.with_router(update)) if changed else ""
        return signed_in, f"who is signed in keeps what he had until he signs in again ({note})" if note else ""

    async def phones_changed(self) -> str:
        """Write every agent's phone into Asterisk's configuration and reload it; return a note when it does not run."""
        from ivr import asterisk

        settings, found = self.settings, await self.agents.list()
        phones = [asterisk.AgentPhone(a.endpoint, a.sip_password, a.agent_id, a.name) for a in found]

        async def reload() -> None:
            await asyncio.to_thread(asterisk.render_phones, settings, phones)
            await asyncio.to_thread(asterisk.reload_phones, settings)

        note = await tolerate(reload())
        return f"Asterisk will know the phone when it starts next ({note})" if note else ""

    async def states(self) -> tuple[dict[str, str], str]:
        """Return agent id -> what he is doing, and a note when nobody can tell."""
        try:
            snapshot = await self.with_router(lambda router: router.snapshot())
        except PeerError as error:
            return {}, str(error)
        return {each.agent_id: _state(each) for each in snapshot.agents}, ""

    async def guard(self, anyway: bool) -> Watch | str:
        """Return what keeps queues answered; why it cannot, when the dialplans themselves have mistakes."""
        try:
            return await asyncio.to_thread(watch, self.settings, refuse=not anyway)
        except ConfigError as error:
            return f"whether somebody can answer was not checked: {str(error).splitlines()[0]}"

    async def _of_signed_in(self, do: Callable[[Router], Awaitable[None]]) -> None:
        from routing.errors import UnknownAgent

        async def told(router: Router) -> None:
            try:
                await do(router)
            except UnknownAgent as error:
                raise InputError(str(error)) from error

        await self.with_router(told)


def checked(guard: Watch | str) -> Watch | None:
    """Return a guard `Agents` can use, None when there is none."""
    return None if isinstance(guard, str) else guard


def noted(guard: Watch | str) -> list[str]:
    """Return what the guard noticed, or why there is none."""
    return [guard] if isinstance(guard, str) else guard.notes


async def tolerate(work: Awaitable[object]) -> str:
    """Return what went wrong instead of raising: the agent's row is what counts."""
    try:
        await work
    except FileNotFoundError:
        return "the hotline is not set up yet: run `ivr setup`"
    except (HotlineError, OSError) as error:
        return str(error).splitlines()[0]
    return ""


def _state(view: AgentView) -> str:
    if view.status == "out":
        return "out"
    return f"paused: {view.reason}" if view.status == "paused" else str(view.state).replace("_", " ")
