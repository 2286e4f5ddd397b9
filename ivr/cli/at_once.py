"""What `ivr agent` tells the running hotline: its router and Asterisk. A hotline that does not run is a note."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from ivr.desk.agents import Agent, Agents
from ivr.errors import HotlineError, PeerError
from ivr.settings import Settings

if TYPE_CHECKING:
    from routing.model import AgentView
    from routing.router import Router

T = TypeVar("T")


async def routed(settings: Settings, do: Callable[[Router], Awaitable[T]]) -> T:
    """Do something with the router of the hotline's Redis. Raises PeerError with what to do."""
    from redis.asyncio import Redis

    from routing.errors import RoutingError
    from routing.router import Router

    redis = Redis.from_url(settings.redis_address, socket_timeout=1.0, socket_connect_timeout=1.0,
                           decode_responses=True)  # fmt: skip
    router = Router(redis, controller_id=f"cli-{uuid.uuid4().hex[:8]}")
    try:
        return await do(router)
    except RoutingError as error:
        raise PeerError(f"{error}; is the hotline running? `make run`") from error
    finally:
        await router.close()
        await redis.aclose()


async def states(settings: Settings) -> tuple[dict[str, str], str]:
    """Return agent id -> what he is doing, and a note when nobody can tell."""
    try:
        snapshot = await routed(settings, lambda router: router.snapshot())
    except PeerError as error:
        return {}, str(error)
    return {each.agent_id: _state(each) for each in snapshot.agents}, ""


def _state(view: AgentView) -> str:
    if view.status == "out":
        return "out"
    return f"paused: {view.reason}" if view.status == "paused" else str(view.state).replace("_", " ")


async def act_at_once(changed: Sequence[Agent], settings: Settings) -> tuple[list[str], str]:
    """Give the router the new profiles of agents; return who of them is signed in, and a note when it is not heard."""
    signed_in: list[str] = []

    async def update(router: Router) -> None:
        for agent in changed:
            if await router.update(Agents.profile(agent)):
                signed_in.append(agent.agent_id)

    note = await tolerate(routed(settings, update)) if changed else ""
    return signed_in, f"who is signed in keeps what he had until he signs in again ({note})" if note else ""


async def phones_changed(agents: Agents, settings: Settings) -> str:
    """Write every agent's phone into Asterisk's configuration and reload it; return a note when it is not running."""
    from ivr import asterisk

    phones = [asterisk.AgentPhone(a.endpoint, a.sip_password, a.agent_id, a.name) for a in await agents.list()]

    async def reload() -> None:
        await asyncio.to_thread(asterisk.render_phones, settings, phones)
        await asyncio.to_thread(asterisk.reload_phones, settings)

    note = await tolerate(reload())
    return f"Asterisk will know the phone when it starts next ({note})" if note else ""


async def tolerate(work: Awaitable[object]) -> str:
    """Return what went wrong instead of raising: the agent's row is what counts."""
    try:
        await work
    except FileNotFoundError:
        return "the hotline is not set up yet: run `ivr setup`"
    except (HotlineError, OSError) as error:
        return str(error).splitlines()[0]
    return ""
