"""`ivr user`: who may use the page and its API."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import click

from ivr.access import ROLES, Who
from ivr.db import Database
from ivr.desk.audit import Audit
from ivr.desk.users import Users
from ivr.settings import settings

ROLE = click.argument("roles", nargs=-1, required=True, metavar="ROLE...")
NAME = click.argument("name")
Work = Callable[[Users, Audit, Who], Awaitable[None]]


@click.group()
def command() -> None:
    """Who may use the page: add users, their roles, one-time passwords."""


@command.command()
@NAME
@ROLE
@click.option("--agent", "agent_id", default="", metavar="AGENT", help="The agent he is: shows him his own calls.")
def add(name: str, roles: tuple[str, ...], agent_id: str) -> None:
    """Add user NAME with these roles: agent, ops, engineer, supervisor, admin. Prints his one-time password."""

    async def work(users: Users, audit: Audit, who: Who) -> None:
        issued = await users.add(name, roles, agent_id=agent_id)
        await audit.note(who, "user.add", name, after={"roles": issued.user.roles, "agent": agent_id})
        click.echo(f"user {name} added: {', '.join(issued.user.roles)}")
        _once(issued.password)

    _run(work)


@command.command()
@NAME
@ROLE
def roles(name: str, roles: tuple[str, ...]) -> None:
    """Give NAME exactly these roles; acts at once."""

    async def work(users: Users, audit: Audit, who: Who) -> None:
        before = await users.get(name)
        after = await users.set_roles(name, roles)
        await audit.note(who, "user.roles", name, {"roles": before.roles}, {"roles": after.roles})
        click.echo(f"user {name}: {', '.join(after.roles)}")

    _run(work)


@command.command()
@NAME
def reset(name: str) -> None:
    """Print a new one-time password for NAME; he is logged out everywhere."""

    async def work(users: Users, audit: Audit, who: Who) -> None:
        password = await users.reset(name)
        await audit.note(who, "user.reset", name)
        _once(password)

    _run(work)


@command.command()
@NAME
@click.option("--undo", is_flag=True, help="Let him in again.")
def disable(name: str, undo: bool) -> None:
    """Let NAME in no more; he is logged out everywhere, and his tokens stop."""

    async def work(users: Users, audit: Audit, who: Who) -> None:
        await (users.enable(name) if undo else users.disable(name, datetime.now(UTC)))
        await audit.note(who, "user.enable" if undo else "user.disable", name)
        click.echo(f"user {name} may log in again" if undo else f"user {name} is disabled")

    _run(work)


@command.command()
@NAME
@click.argument("phone_id", metavar="DIGITS", default="")
@click.option("--off", is_flag=True, help="He publishes by phone no more.")
def phone(name: str, phone_id: str, off: bool) -> None:
    """Let NAME publish announcements by phone as DIGITS; prints his PIN."""
    if bool(phone_id) == off:
        raise click.UsageError("give the digits he enters on the phone, or --off")

    async def work(users: Users, audit: Audit, who: Who) -> None:
        pin = await users.set_phone(name, phone_id)
        await audit.note(who, "user.phone", name, after={"phone": bool(phone_id)})
        told = f"phone id {phone_id}, PIN, shown only once: {pin}" if pin else f"user {name} publishes by phone no more"
        click.echo(told)

    _run(work)


@command.command(name="list")
def list_() -> None:
    """List users."""
    from ivr.cli.table import print_table

    async def work(users: Users, _audit: Audit, _who: Who) -> None:
        rows = [
            (u.name, " ".join(u.roles), u.agent_id, u.phone_id, u.language,
             "disabled" if u.disabled_at else "one-time password" if u.must_change else "")
            for u in await users.list()
        ]  # fmt: skip
        empty = "there is no user; the first start of the page adds admin and prints its password"
        print_table(("name", "roles", "agent", "phone id", "language", "state"), rows, empty=empty)

    _run(work)


def _once(password: str) -> None:
    click.echo(f"one-time password, shown only once: {password}")


def _run(work: Work) -> None:
    async def main() -> None:
        database = Database(settings())
        try:
            await work(Users(database), Audit(database), Who(f"cli:{_login()}", ROLES))
        finally:
            await database.close()

    asyncio.run(main())


def _login() -> str:
    """Return who is logged in on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"
