"""`ivr agent`: add, change and import agents, sign them in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ivr.agent_desk import AgentDesk, checked, noted
from ivr.cli.at_once import routed
from ivr.db import Database
from ivr.desk import agent_values as read
from ivr.desk.agents import Agent, Agents, Change
from ivr.settings import settings

if TYPE_CHECKING:
    from routing.router import Router

F = TypeVar("F", bound=Callable[..., object])
Texts = tuple[str, ...]


@click.group()
def command() -> None:
    """Add, change and import agents, sign them in and out."""


ABOUT = (
    click.option("--skill", "skills", multiple=True, metavar="NAME:LEVEL", help="Level 5 if not given."),
    click.option("--project", "projects", multiple=True, metavar="NAME", help="Client company he works for."),
    click.option("--language", "languages", multiple=True, metavar="LANGUAGE", help="He speaks it; his own first."),
    click.option("--roster", metavar="HOURS", help="When he works: 'mon-fri 08:00-16:00, sat 09:00-13:00'."),
    click.option("--pin", default="", metavar="DIGITS", help="For signing in by phone."),
)
ANYWAY = click.option("--anyway", is_flag=True, help="Save it even if callers of a queue find nobody then.")


def about_agent(function: F) -> F:
    """Add the options `add` and `edit` share."""
    for option in reversed(ABOUT):
        function = option(function)
    return function


@command.command()
@click.argument("agent")
@click.option("--name", default="", help="Name supervisors see.")
@about_agent
@click.option("--ring", "ring_s", default=20, show_default=True, help="Seconds his phone rings.")
@click.option("--wrap-up", "wrap_up_s", default=10, show_default=True, help="Seconds of rest after a talk.")
def add(
    agent: str, name: str, skills: Texts, projects: Texts, languages: Texts, roster: str | None, pin: str,
    ring_s: int, wrap_up_s: int,
) -> None:  # fmt: skip
    """Add AGENT with a phone of his own."""

    async def work(agents: Agents) -> None:
        added = await agents.add(
            agent, name=name, skills=read.skills(skills), pin=pin, ring_s=ring_s, wrap_up_s=wrap_up_s,
            projects=read.projects(projects), languages=read.languages(languages), roster=roster or "",
        )  # fmt: skip
        note = await _desk(agents).phones_changed()
        conf = settings()
        click.echo(f"agent {agent} added; these are shown only once:")
        click.echo(f"  SIP server    {conf.host}:{conf.sip_port} (UDP)")
        click.echo(f"  SIP user      {added.agent.endpoint}")
        click.echo(f"  SIP password  {added.agent.sip_password}")
        click.echo(f"  PIN           {added.pin}")
        click.echo(f"sign in: dial *11 on that phone, or run `ivr agent in {agent}`")
        _notes(note)

    _run(work)


@command.command()
@click.argument("agent")
@click.option("--name", help="Name supervisors see.")
@about_agent
@click.option("--no-skill", "no_skills", multiple=True, metavar="NAME", help="Takes a skill away.")
@click.option("--no-project", "no_projects", multiple=True, metavar="NAME", help="Takes a project away.")
@click.option("--no-language", "no_languages", multiple=True, metavar="LANGUAGE", help="Takes a language away.")
@click.option("--ring", "ring_s", type=int, help="Seconds his phone rings.")
@click.option("--wrap-up", "wrap_up_s", type=int, help="Seconds of rest after a talk.")
@ANYWAY
def edit(
    agent: str, name: str | None, skills: Texts, no_skills: Texts, projects: Texts, no_projects: Texts,
    languages: Texts, no_languages: Texts, roster: str | None, pin: str, ring_s: int | None, wrap_up_s: int | None,
    anyway: bool,
) -> None:  # fmt: skip
    """Change AGENT: what is not given stays. Acts at once when he is signed in."""

    def changed(was: Agent) -> Change:
        return Change(
            name=name,
            skills=read.altered(was.skills, read.skills(skills), no_skills, "skill"),
            pin=pin,
            ring_s=ring_s,
            wrap_up_s=wrap_up_s,
            projects=read.altered(was.projects, read.projects(projects), no_projects, "project"),
            languages=read.altered(was.languages, read.languages(languages), no_languages, "language"),
            roster=roster,
        )

    async def work(agents: Agents) -> None:
        edited = await _desk(agents).edit(agent, changed, anyway=anyway)
        click.echo(f"agent {agent} changed" if edited.after != edited.before else f"agent {agent} is so already")
        _acts(edited.signed_in)
        _notes(*edited.notes)

    _run(work)


@command.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--skip-bad", is_flag=True, help="Leave bad rows out instead of importing nothing.")
@ANYWAY
def import_(file: Path, skip_bad: bool, anyway: bool) -> None:
    """Add and change agents from a CSV file with columns id, skills and, if wanted, name, projects, languages,
    roster, pin, ring_s, wrap_up_s. The phones of new agents are printed once."""
    from ivr.cli.table import print_table
    from ivr.desk.agent_file import import_agents

    async def work(agents: Agents) -> None:
        desk = _desk(agents)
        guard = await desk.guard(anyway)
        imported = await import_agents(agents, file, skip_bad=skip_bad, guard=checked(guard))
        done = imported.done
        for finding in imported.skipped:
            click.echo(f"skipped: {finding}", err=True)
        if done.added:
            rows = [(a.agent.agent_id, a.agent.endpoint, a.agent.sip_password, a.pin) for a in done.added]
            print_table(("id", "SIP user", "SIP password", "PIN"), rows, empty="")
        click.echo(f"{len(done.added)} new, {len(done.changed)} changed, {done.same} as before"
                   + (f", {len(imported.skipped)} mistakes in rows left out" if imported.skipped else ""),
                   err=bool(done.added))  # fmt: skip
        phones = await desk.phones_changed() if done.added or done.changed else ""
        signed_in, note = await desk.act_at_once(done.changed)
        _acts(signed_in)
        _notes(note, *noted(guard), phones)

    _run(work)


@command.command(name="list")
@click.option("--watch", "watching", is_flag=True, help="What they do and since when, every second until Ctrl-C.")
def list_(watching: bool) -> None:
    """List agents, and what they are doing."""
    from ivr.cli import boards, live
    from ivr.cli.table import print_table

    async def watched(agents: Agents) -> None:
        names = {each.agent_id: each.name for each in await agents.list()}

        async def stay(router: Router) -> None:
            await live.watch(lambda: boards.who_is_in(router, names))

        await routed(settings(), stay)

    async def work(agents: Agents) -> None:
        found = await agents.list()
        known, note = await _desk(agents).states()
        rows = [
            (a.agent_id, a.name, " ".join(f"{name}:{level}" for name, level in sorted(a.skills.items())), a.endpoint,
             known.get(a.agent_id, "out" if not note else "not known"), " ".join(a.projects), " ".join(a.languages),
             a.roster)
            for a in found
        ]  # fmt: skip
        print_table(
            ("id", "name", "skills", "phone", "state", "projects", "languages", "hours"),
            rows,
            empty="no agent has been added; see `ivr agent add --help`",
        )
        if note:
            click.echo(f"note: {note}", err=True)

    _run(watched if watching else work)


@command.command()
@click.argument("agent")
@ANYWAY
def remove(agent: str, anyway: bool) -> None:
    """Remove AGENT and his phone; a talk he is in goes on."""

    async def work(agents: Agents) -> None:
        notes = await _desk(agents).remove(agent, anyway=anyway)
        click.echo(f"agent {agent} removed")
        _notes(*notes)

    _run(work)


@command.command(name="in")
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
def in_(agents: tuple[str, ...]) -> None:
    """Sign AGENTs in: calls may ring their phones."""

    _each(agents, AgentDesk.sign_in, "signed in")


@command.command()
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
def out(agents: tuple[str, ...]) -> None:
    """Sign AGENTs out; a talk goes on."""
    _each(agents, AgentDesk.sign_out, "signed out")


@command.command()
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
@click.option("--reason", default="break", show_default=True, help="Shown to supervisors.")
@click.option("--end", "over", is_flag=True, help="End the pause.")
def pause(agents: tuple[str, ...], reason: str, over: bool) -> None:
    """Pause AGENTs: signed in, but no call rings."""

    async def do(desk: AgentDesk, agent_id: str) -> None:
        await (desk.unpause(agent_id) if over else desk.pause(agent_id, reason))

    _each(agents, do, "back from the pause" if over else f"paused: {reason}")


# -- shared


def _desk(agents: Agents) -> AgentDesk:
    return AgentDesk(agents, settings(), partial(routed, settings()))


def _notes(*notes: str) -> None:
    for note in filter(None, notes):
        click.echo(f"note: {note}", err=True)


def _acts(signed_in: Sequence[str]) -> None:
    for agent_id in signed_in:
        click.echo(f"{agent_id} is signed in: it acts at once", err=True)


def _run(work: Callable[[Agents], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Agents(database))
        finally:
            await database.close()

    asyncio.run(main())


def _each(ids: tuple[str, ...], do: Callable[[AgentDesk, str], Awaitable[None]], done: str) -> None:
    """Do it for every agent; an unknown id stops before anything is done."""

    async def work(agents: Agents) -> None:
        for agent_id in ids:
            await agents.get(agent_id)

        async def all_of_them(router: Router) -> None:
            desk = AgentDesk(agents, settings(), lambda do: do(router))
            for agent_id in ids:
                await do(desk, agent_id)
                click.echo(f"{agent_id} {done}")

        await routed(settings(), all_of_them)

    _run(work)
