"""A living call explained to people: why it waits, who was looked at, what would have to change. Pure.

Called by `ivr queue why`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from routing import keys
from routing.explain import Bar, Explained, Record, Standing, many, need_words, reason_words, span
from routing.match import OFFERS_MAX
from routing.model import PROJECT, Need
from routing.rules import POINT_MS, meets

SHOWN_MAX = 8

STATE_WORDS = {
    "reserved": "being offered a call",
    "ringing": "ringing",
    "talking": "talking",
    "wrap_up": "in wrap-up",
    "back_off": "in back-off",
    "paused": "paused",
    "out": "leaving",
}


def why(seen: Explained) -> list[str]:
    """Return lines for people: how the call stands, why, who was looked at, what would have to change."""
    state = seen.call["state"]
    heading = f"call {seen.call_id}, queue {seen.call['queue']}: "
    agent = _name(seen, seen.call.get("agent", ""))
    since = span(seen.now_ms - int(seen.call["since_ms"]))
    reason = reason_words(seen.call.get("reason", ""), str(seen.asks.rings[0].need))
    if state == "bridged":
        return [f"{heading}talks to {agent} for {since}", *([f"why {agent}: {reason}"] if reason else [])]
    if state == "offered":
        rings = "his phone rings" if seen.call.get("taken") == "1" else "the controller has not taken the offer yet"
        return [f"{heading}offered to {agent} {since} ago, {rings}", f"why {agent}: {reason}"]
    if state == "detached":
        return [
            f"{heading}waited {span(seen.waited_ms)}; the controller that led it is gone",
            f"why it waits: no controller has taken it on for {since}; it keeps its place until one does",
        ]
    return [
        heading + _place(seen),
        f"why it waits: {_verdict(seen)}",
        *_asked(seen),
        *_looked_at(seen),
        *_remedies(seen),
    ]


# -- the parts of the answer


def _place(seen: Explained) -> str:
    call_back = "to be called back " if seen.call.get("node") == "-" else ""
    points = seen.asks.value(seen.waited_ms)[1] / POINT_MS
    worth = "an emergency, before all others" if seen.asks.tier else f"priority {seen.asks.priority}"
    return (
        f"waits {call_back}for {span(seen.waited_ms)}, place {seen.position} of {max(seen.waiting, seen.position)}, "
        f"{worth}, worth {points:.1f} points now"
    )


def _verdict(seen: Explained) -> str:
    """Return the one rule that keeps the call waiting."""
    standings = {name: seen.standing(name) for name in sorted(seen.agents)}
    held = seen.call.get("held", "")
    if held:
        doing = _doing(seen.agents[held], standings[held], seen.now_ms)
        him = f"{_name(seen, held)}, whom it asks for ({doing})"
        return f"it is held for {him}, until he is free or that takes too long"
    may = {name: each for name, each in standings.items() if not each.bar}
    open_to_him = {name: each for name, each in may.items() if not each.capped}
    if open_to_him:
        return _all_busy(seen, open_to_him)
    if may:
        who = f"{_names(seen, may)} did not take it {OFFERS_MAX} times and will not be offered it again"
        return f"{who}; nobody else may take it now"
    later = {name: each for name, each in standings.items() if each.bar == "later"}
    if later:
        ring = min(each.ring for each in later.values() if each.ring is not None)
        opens = span(seen.delays[ring] - seen.waited_ms)
        return f"nobody signed in may take it yet; in {opens} a relax step lets in {_names(seen, later)}"
    lent = {name: each for name, each in standings.items() if each.bar == "lending"}
    if lent:
        projects = {seen.asks.rings[each.ring].lend for each in lent.values() if each.ring is not None}
        return f"only {_names(seen, lent)} could take it, and project {', '.join(sorted(projects))} lends no agents now"
    return f"nobody signed in has what it asks for: {_missing(seen)}"


def _all_busy(seen: Explained, may: Mapping[str, Standing]) -> str:
    states = Counter(STATE_WORDS.get(each.state, each.state) for each in may.values())
    ready = [name for name, each in may.items() if each.state == "ready"]
    if ready:
        return f"{_names(seen, ready)} is ready and takes it, or a better call, at the next sweep"
    if len(may) == 1:
        [(name, each)] = may.items()
        return f"the only agent who may take it now, {_name(seen, name)}, is {_doing(each.record, each, seen.now_ms)}"
    who = f"all {len(may)} agents who may take it now are"
    if len(states) == 1:
        return f"{who} {next(iter(states))}"
    return f"{who} busy: " + ", ".join(f"{count} {words}" for words, count in sorted(states.items()))


def _missing(seen: Explained) -> str:
    """Name the terms of the widest need nobody has; when each is there in somebody, that no one has all."""
    if not seen.agents:
        return f"{need_words(str(seen.asks.rings[0].need))}; no agent is signed in at all"
    skills = [keys.group_skills(record["group"]) for record in seen.agents.values()]
    parts = []
    for ring in seen.asks.rings:
        terms = [_term(term) for term in ring.need.terms]
        nobody = [str(term) for term in terms if not any(meets(term, each) for each in skills)]
        lacking = " and no one ".join(need_words(each) for each in nobody)
        parts.append(f"no one has {lacking}" if nobody else f"no one has {need_words(str(ring.need))} together")
    return "; ".join(dict.fromkeys(parts))


def _asked(seen: Explained) -> list[str]:
    lines = []
    for n, ring in enumerate(seen.asks.rings):
        delay = seen.delays[n]
        if not n:
            when = "it asks for"
        elif seen.waited_ms >= delay:
            when = f"  or, since it waited {span(delay)}," if delay else "  or, as nobody meets that,"
        else:
            when = f"  from {span(delay)} of waiting on (in {span(delay - seen.waited_ms)})"
        lend = f", while project {ring.lend} lends ({'it does' if ring.lend in seen.lending else 'not now'})"
        lines.append(f"{when} {need_words(str(ring.need))}{lend if ring.lend else ''}")
    return lines


def _looked_at(seen: Explained) -> list[str]:
    """Return a line for each agent, those nearest to taking it first."""
    order: tuple[Bar, ...] = ("", "later", "lending", "lacks")
    standings = {name: seen.standing(name) for name in seen.agents}
    near = sorted(standings, key=lambda name: (order.index(standings[name].bar), standings[name].capped, name))
    lines = [
        f"  {_name(seen, name)} is {_doing(it.record, it, seen.now_ms)}{_but(seen, it)}"
        for name, it in ((name, standings[name]) for name in near[:SHOWN_MAX])
    ]
    more = [f"  and {many(len(near) - SHOWN_MAX, 'more agent')}"] if len(near) > SHOWN_MAX else []
    return ["agents looked at:", *lines, *more] if near else []


def _doing(record: Record, standing: Standing, now_ms: int) -> str:
    """Return what an agent does, and how long he did or will."""
    text = STATE_WORDS.get(standing.state, standing.state)
    if standing.state == "paused":
        reason = record.get("pause_reason", "")
        return f"{text} ({reason})" if reason else text
    if "until_ms" in record:
        return f"{text}, {span(int(record['until_ms']) - now_ms)} more"
    return f"{text} for {span(now_ms - int(record['since_ms']))}"


def _but(seen: Explained, standing: Standing) -> str:
    if standing.bar == "lacks":
        return _lacks(seen, keys.group_skills(standing.record["group"]))
    if standing.bar == "lending" and standing.ring is not None:
        return f"; project {seen.asks.rings[standing.ring].lend} does not lend him now"
    if standing.bar == "later" and standing.ring is not None:
        return f"; may take it in {span(seen.delays[standing.ring] - seen.waited_ms)}"
    if standing.capped:
        return f"; did not take it {standing.tries} times, is not asked again"
    return f"; did not take it {many(standing.tries, 'time')}, comes after others" if standing.tries else ""


def _lacks(seen: Explained, skills: Mapping[str, int]) -> str:
    """Name a term these skills do not meet, of the need they are nearest to."""
    unmet = [[term for term in ring.need.terms if not meets(_term(term), skills)] for ring in seen.asks.rings]
    skill, op, level = min(unmet, key=len)[0]
    if skill.startswith(PROJECT):
        return f"; not of project {skill.removeprefix(PROJECT)}"
    return f"; has {skill} {skills[skill]}, not {op} {level}" if skill in skills else f"; has no {skill}"


def _remedies(seen: Explained) -> list[str]:
    """Return what would have to change, the soonest first."""
    standings = {name: seen.standing(name) for name in sorted(seen.agents)}
    may = {name: each for name, each in standings.items() if not each.bar and not each.capped}
    found = []
    if seen.position > 1 and may:
        found.append(f"{many(seen.position - 1, 'call')} before it must go first, or `ivr queue priority` raises it")
    rests = {n: int(each.record["until_ms"]) for n, each in may.items() if each.state in ("wrap_up", "back_off")}
    if rests:
        first = min(rests, key=lambda name: (rests[name], name))
        rest = STATE_WORDS[may[first].state].removeprefix("in ")
        found.append(f"the {rest} of {_name(seen, first)} ends by itself in {span(rests[first] - seen.now_ms)}")
    talking = [name for name, each in may.items() if each.state in ("talking", "ringing", "reserved")]
    if talking:
        found.append(f"{_names(seen, talking)} gets free")
    paused = [name for name, each in may.items() if each.state == "paused"]
    if paused:
        found.append(f"{_names(seen, paused)} ends the pause (`ivr agent pause {paused[0]} --end`)")
    for n, ring in enumerate(seen.asks.rings):
        later = [name for name, each in standings.items() if each.bar == "later" and each.ring == n]
        if later:
            found.append(f"in {span(seen.delays[n] - seen.waited_ms)} it may go to {_names(seen, later)} too")
        lent = [name for name, each in standings.items() if each.bar == "lending" and each.ring == n]
        if lent:
            found.append(f"project {ring.lend} lends agents again: {_names(seen, lent)}")
    if not may:
        widest = need_words(str(seen.asks.rings[-1].need))
        found.append(f"somebody with {widest} signs in")
        found.append("a supervisor moves it to another queue (`ivr queue move`)")
    return ["what would have to change:", *(f"  {text}" for text in found)] if found else []


def _term(term: tuple[str, str, int]) -> Need:
    skill, op, level = term
    return Need(f"{skill}{op}{level}")


def _names(seen: Explained, names: Mapping[str, Standing] | list[str]) -> str:
    listed = [_name(seen, name) for name in list(names)[:SHOWN_MAX]]
    more = len(names) - SHOWN_MAX
    return " or ".join(listed) if more <= 0 else f"{', '.join(listed)} or one of {more} more"


def _name(seen: Explained, agent_id: str) -> str:
    name = seen.agents.get(agent_id, {}).get("name", "")
    return f"{agent_id} ({name})" if name and name != agent_id else agent_id
