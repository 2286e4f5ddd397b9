"""What is known of a call, in rows to read: caller, time, calendars, queues, variables. Pure."""

from __future__ import annotations

from datetime import datetime

from ivr.flow.asked import AskedWorld
from ivr.flow.facts import FACTS
from ivr.hours import Calendar, is_open, next_change

Row = tuple[str, str]


def facts_told(world: AskedWorld) -> list[Row]:
    """Return what is known now, by name, in the order of importance."""
    facts = world.facts()
    rows = [("time", f"{world.at:%A %Y-%m-%d %H:%M}, {world.now_s:.0f} s into the call"), ("caller", _caller(world))]
    rows += [("customer", _customer(world)), ("language", world.language)]
    told = {"time", "weekday", "date", "caller", "class", "area", "language"}
    rows += [(name, str(value)) for name, value in facts.items() if name not in told and value is not None]
    rows += [(f"var.{name}", value) for name, value in world.kept.items()]
    rows += [("announcement", each.why) for each in world.concerning()]
    calendars = world.dialplans.hours
    rows += [(f"hours {name}", _state(calendars[name], world)) for name in calendars]
    return [*rows, *_queues(world), *_others(world)]


def _caller(world: AskedWorld) -> str:
    return f"{world.situation.caller or 'withheld'} called {world.situation.dialled} ({world.facts()['caller']})"


def _customer(world: AskedWorld) -> str:
    who = world.customer
    if who is None:
        return "unknown: class normal, area unknown"
    return f"class {who.class_}, area {who.area or 'unknown'}" + (f", speaks {who.language}" if who.language else "")


def _state(calendar: Calendar, world: AskedWorld) -> str:
    forced = world.situation.open.get(calendar.name)
    if forced is not None:
        return f"{'open' if forced else 'closed'}, as told on the command line"
    change = next_change(calendar, world.at)
    return f"{'open' if is_open(calendar, world.at) else 'closed'} {_until(change, world.at)}"


def _until(change: datetime | None, now: datetime) -> str:
    if change is None:
        return "for good"
    return f"until {change:%H:%M}" if change.date() == now.date() else f"until {change:%a %Y-%m-%d %H:%M}"


def _queues(world: AskedWorld) -> list[Row]:
    """Return a row for each queue something is told of, and one for the others."""
    rows, others = [], []
    of = [fact.name for fact in FACTS.values() if fact.of == "queue"]
    for name in world.dialplans.queues:
        known = {each: world.situation.facts.get(f"{each}.{name}") for each in of}
        told = [f"{each} {value}" for each, value in known.items() if value is not None]
        if given := world.situation.queues.get(name):
            told.insert(0, f"waiting ends with {given.outcome} {given.key}".rstrip())
        if told:
            rows.append((f"queue {name}", ", ".join(told)))
        else:
            others.append(name)
    if others:
        rows.append(("queues", f"{', '.join(others)}: you are asked how waiting ends; who waits is not known"))
    return rows


def _others(world: AskedWorld) -> list[Row]:
    situation = world.situation
    rows = [(f"target {name}", outcome) for name, outcome in situation.transfers.items()]
    for name, fetched in situation.webhooks.items():
        rows.append((f"webhook {name}", f"{fetched.outcome} {fetched.result}".rstrip()))
    return rows
