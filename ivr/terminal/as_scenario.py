"""A call of the terminal as a scenario: the text for a file of `dialplans/scenarios/`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ivr.flow import commands as c
from ivr.flow.asked import AskedWorld
from ivr.flow.declare import NAME
from ivr.flow.world import Known, Who
from ivr.sound import Clip, Phrase, Prompt
from ivr.terminal.parts import Taken


def scenario_text(taken: Taken, world: AskedWorld, language: str, texts: Mapping[str, str] | None = None) -> str:
    """Return the call as one table of a scenario file: what was so, what was pressed, heard and visited, how it ended.

    texts  what clips of live announcements say, by stem.  The moment is that of the call's beginning, as moved last.
    """
    situation, told, caller = world.situation, world.told, world.situation.caller
    rows = [f"[scenarios.{scenario_name(taken)}]", f"number = {_text(taken.number.number)}", f"from = {_text(caller)}"]
    rows.append(f"at = {situation.at.replace(tzinfo=None):%Y-%m-%dT%H:%M:%S}")
    rows += [f"language = {_text(language)}"] if language != taken.number.language else []
    rows += [f"customer = {_who(situation.customer)}"] if situation.customer and caller else []
    rows += _table("accounts", {name: _who(who) for name, who in told.accounts.items()})
    rows += _table("postcodes", {name: _who(who) for name, who in told.postcodes.items()})
    opt_in = told.opt_in or situation.opt_in
    known = ", ".join(_announcement(each, texts or {}, opt_in) for each in (*situation.known, *told.live.values()))
    rows += [f"announcements = [{known}]"] if known else []
    for key, wanted in (("open", True), ("closed", False)):
        names = [name for name, state in situation.open.items() if state is wanted]
        rows += [f"{key} = {_list(names)}"] if names else []
    queues = {name: _text(queued.key or queued.outcome) for name, queued in situation.queues.items()}
    rows += _table("queues", _texts(told.queues) | queues)
    rows += _table("transfers", _texts(told.transfers) | _texts(situation.transfers))
    replies = {name: _reply(fetched) for name, fetched in situation.webhooks.items()}
    rows += _table("webhooks", {name: _told_reply(each) for name, each in told.webhooks.items()} | replies)
    rows += _table("callbacks", _texts(told.callbacks) | _texts(situation.callbacks))
    rows += _table("messages", _texts(told.messages) | _texts(situation.messages))
    rows += _table("facts", {name: json.dumps(value, ensure_ascii=False) for name, value in situation.facts.items()})
    keys = _without_last_silences(taken.keys)
    rows += [f"keys = {_text(','.join(keys))}"] if keys else []
    heard = [each.name for each in taken.said if re.fullmatch(NAME, each.name)]
    rows += [f"hears = {_list(heard)}", f"steps = {_list(taken.steps)}", f"ends = {_text(taken.disposition)}"]
    return "\n".join(rows) + "\n"


def scenario_name(taken: Taken) -> str:
    """Return a name for the call: number, last step, disposition."""
    last = taken.steps[-1] if taken.steps else "call"
    return f"n{re.sub('[^0-9]', '', taken.number.number)}_{last}_{taken.disposition}"[:40]


def _without_last_silences(keys: list[str]) -> list[str]:
    """A caller who presses nothing at the end needs no script for it."""
    kept = list(keys)
    while kept and kept[-1] == "w":
        kept.pop()
    return kept


def _announcement(known: Known, texts: Mapping[str, str], opt_in: str) -> str:
    says = known.announcement
    words = " ".join(_words(phrase, texts) for phrase in says.phrases)
    rows = {"text": _text(words)}
    rows |= {"service": _text(known.service)} if known.service else {}
    rows |= {"area": _text(known.area)} if known.area else {}
    rows |= {} if says.certain else {"certain": "false"}
    rows |= {"planned": "true"} if says.planned else {}
    rows |= {"after": _text(says.after)} if says.after != "end" else {}
    rows |= {"heard": str(says.lately)} if says.lately else {}
    rows |= {"opt_in": _text(opt_in)} if says.opt_in and opt_in else {}
    return "{ " + ", ".join(f"{name} = {value}" for name, value in rows.items()) + " }"


def _words(phrase: Phrase, texts: Mapping[str, str]) -> str:
    if isinstance(phrase, Clip):
        return texts.get(phrase.file, phrase.name)
    return phrase.key if isinstance(phrase, Prompt) else str(phrase)


def _who(who: Who) -> str:
    rows = {"area": who.area, "class": who.class_ if who.class_ != "normal" else "", "language": who.language}
    found = ", ".join(f"{name} = {_text(value)}" for name, value in rows.items() if value)
    return f"{{ {found} }}" if found else "{}"


def _reply(fetched: c.Fetched) -> str:
    if fetched.outcome != "answered":
        return _text(fetched.outcome)
    return f"{{ result = {_text(fetched.result)} }}" if fetched.result else "{}"


def _told_reply(told: str) -> str:
    if told in ("timeout", "failed"):
        return _text(told)
    return "{}" if told == "other" else f"{{ result = {_text(told)} }}"


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _table(name: str, values: Mapping[str, str]) -> list[str]:
    found = ", ".join(f"{key} = {value}" for key, value in values.items())
    return [f"{name} = {{ {found} }}"] if found else []


def _list(values: list[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
