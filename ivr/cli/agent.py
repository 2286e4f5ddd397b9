"""`ivr agent`: add agents, sign them in and out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click

from ivr.db import Database
from ivr.desk.agents import Agents, skill
from ivr.errors import HotlineError, PeerError
from ivr.settings import settings

if TYPE_CHECKING:
    from routing.model import AgentView
    from routing.router import Router

T = TypeVar("T")


@click.group()
def command() -> None:
    """Add agents, sign them in and out."""


@command.command()
@click.argument("agent")
@click.option("--name", default="", help="Name supervisors see.")
@click.option("--skill", "skills", multiple=True, required=True, metavar="NAME:LEVEL", help="Repeat for more skills.")
@click.option("--pin", default="", metavar="DIGITS", help="For signing in by phone; chosen when not given.")
@click.option("--ring", "ring_s", default=20, show_default=True, help="Seconds his phone rings.")
@click.option("--wrap-up", "wrap_up_s", default=10, show_default=True, help="Seconds of rest after a talk.")
def add(agent: str, name: str, skills: tuple[str, ...], pin: str, ring_s: int, wrap_up_s: int) -> None:
    """Add AGENT with a phone of his own."""

    async def work(agents: Agents) -> None:
        added = await agents.add(agent, name=name, skills=_skills(skills), pin=pin, ring_s=ring_s, wrap_up_s=wrap_up_s)
        note = await _phones_changed(agents)
        conf = settings()
        click.echo(f"agent {agent} added; these are shown only once:")
        click.echo(f"  SIP server    {conf.host}:{conf.sip_port} (UDP)")
        click.echo(f"  SIP user      {added.agent.endpoint}")
        click.echo(f"  SIP password  {added.agent.sip_password}")
        click.echo(f"  PIN           {added.pin}")
        click.echo(f"sign in: dial *11 on that phone, or run `ivr agent in {agent}`")
        if note:
            click.echo(f"note: {note}", err=True)

    _run(work)


@command.command(name="list")
def list_() -> None:
    """List agents, and what they are doing."""
    from ivr.cli.table import print_table

    async def work(agents: Agents) -> None:
        found = await agents.list()
        states, note = await _states()
        rows = [
            (a.agent_id, a.name, " ".join(f"{name}:{level}" for name, level in sorted(a.skills.items())), a.endpoint,
             states.get(a.agent_id, "out" if not note else "not known"))
            for a in found
        ]  # fmt: skip
        print_table(
            ("id", "name", "skills", "phone", "state"),
            rows,
            empty="no agent has been added; see `ivr agent add --help`",
        )
        if note:
            click.echo(f"note: {note}", err=True)

    _run(work)


@command.command()
@click.argument("agent")
def remove(agent: str) -> None:
    """Remove AGENT and his phone; a talk he is in goes on."""

    async def work(agents: Agents) -> None:
        removed = await agents.remove(agent)
        notes = [
            await _tolerate(_routed(lambda router: router.sign_out(removed.agent_id))),
            await _phones_changed(agents),
        ]
        click.echo(f"agent {agent} removed")
        for note in filter(None, notes):
            click.echo(f"note: {note}", err=True)

    _run(work)


@command.command(name="in")
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
def in_(agents: tuple[str, ...]) -> None:
    """Sign AGENTs in: calls may ring their phones."""

    async def sign_in(store: Agents, router: Router, agent_id: str) -> None:
        await router.sign_in(store.profile(await store.get(agent_id)))

    _each(agents, sign_in, "signed in")


@command.command()
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
def out(agents: tuple[str, ...]) -> None:
    """Sign AGENTs out; a talk goes on."""

    async def sign_out(_store: Agents, router: Router, agent_id: str) -> None:
        await router.sign_out(agent_id)

    _each(agents, sign_out, "signed out")


@command.command()
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
@click.option("--reason", default="break", show_default=True, help="Shown to supervisors.")
@click.option("--end", "over", is_flag=True, help="End the pause.")
def pause(agents: tuple[str, ...], reason: str, over: bool) -> None:
    """Pause AGENTs: signed in, but no call rings."""

    async def do(_store: Agents, router: Router, agent_id: str) -> None:
        await (router.unpause(agent_id) if over else router.pause(agent_id, reason))

    _each(agents, do, "back from the pause" if over else f"paused: {reason}")


# -- shared


def _skills(texts: Iterable[str]) -> dict[str, int]:
    return dict(skill(text) for text in texts)


def _run(work: Callable[[Agents], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Agents(database))
        finally:
            await database.close()

    asyncio.run(main())


def _each(ids: tuple[str, ...], do: Callable[[Agents, Router, str], Awaitable[None]], done: str) -> None:
    """Do it for every agent; an unknown id stops before anything is done."""

    async def work(agents: Agents) -> None:
        for agent_id in ids:
            await agents.get(agent_id)

        async def all_of_them(router: Router) -> None:
            for agent_id in ids:
                await do(agents, router, agent_id)
                click.echo(f"{agent_id} {done}")

        await _routed(all_of_them)

    _run(work)


async def _routed(do: Callable[[Router], Awaitable[T]]) -> T:
    """Do something with the router of the hotline's Redis. Raises PeerError with what to do."""
    from redis.asyncio import Redis

    from routing.errors import RoutingError
    from routing.router import Router

    redis = Redis.from_url(settings().redis_address, socket_timeout=1.0, socket_connect_timeout=1.0,
                           decode_responses=True)  # fmt: skip
    router = Router(redis, controller_id=f"cli-{uuid.uuid4().hex[:8]}")
    try:
        return await do(router)
    except RoutingError as error:
        raise PeerError(f"{error}; is the hotline running? `make run`") from error
    finally:
        await router.close()
        await redis.aclose()


async def _states() -> tuple[dict[str, str], str]:
    """Return agent id -> what he is doing, and a note when nobody can tell."""
    try:
        snapshot = await _routed(lambda router: router.snapshot())
    except PeerError as error:
        return {}, str(error)
    return {each.agent_id: _state(each) for each in snapshot.agents}, ""


def _state(view: AgentView) -> str:
    if view.status == "out":
        return "out"
    return f"paused: {view.reason}" if view.status == "paused" else str(view.state).replace("_", " ")


async def _phones_changed(agents: Agents) -> str:
    """Write every agent's phone into Asterisk's configuration and reload it; return a note when it is not running."""
    from ivr import asterisk

    phones = [asterisk.AgentPhone(a.endpoint, a.sip_password, a.agent_id, a.name) for a in await agents.list()]

    async def reload() -> None:
        await asyncio.to_thread(asterisk.render_phones, settings(), phones)
        await asyncio.to_thread(asterisk.reload_phones, settings())

    note = await _tolerate(reload())
    return f"Asterisk will know the phone when it starts next ({note})" if note else ""


async def _tolerate(work: Awaitable[object]) -> str:
    """Return what went wrong instead of raising: the agent's row is what counts."""
    try:
        await work
    except FileNotFoundError:
        return "the hotline is not set up yet: run `ivr setup`"
    except (HotlineError, OSError) as error:
        return str(error).splitlines()[0]
    return ""
