"""Make the steps that need no look around: hours, branches, queues, transfers, messages, subroutines. Pure.

Menus and what is said are in `flow/extensions/steps.py`, which calls these, one for each kind of line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ivr.call import LANGUAGES
from ivr.flow.declare import KEYS
from ivr.flow.extensions.file import Entry
from ivr.flow.extensions.made import Made, dial_string
from ivr.flow.extensions.paths import Jump, Landing, Spot, Timed
from ivr.flow.extensions.times import read_times
from ivr.flow.extensions.walk import follow
from ivr.flow.extensions.words import ADVICE, free_name, name_of
from ivr.flow.steps import RING_S

if TYPE_CHECKING:
    from ivr.flow.extensions.steps import Steps

WAYS = 20  # of one branch
RING_LEAST, RING_MOST = 5, 120  # of ring_s


def hours(steps: Steps, made: Made, line: Landing) -> None:
    hours = read_times(line.args[0])
    assert line.yes is not None
    assert line.no is not None
    if hours is None:
        made.kind, made.next = "goto", steps.to(line.no, line.env)
        return
    made.values["calendar"] = steps.catalogue.calendar(hours)
    made.next, made.on["closed"] = steps.to(line.yes, line.env), steps.to(line.no, line.env)


def timed(steps: Steps, made: Made, line: Landing) -> None:
    assert line.timed is not None
    (spec, spot), *rest = line.timed.first
    exten, last = line.timed.exten, line.timed.otherwise
    hours = read_times(spec)
    target: Spot | Timed | None = Timed(tuple(rest), last, exten) if rest else last
    otherwise = steps.to(Jump(target, exten), line.env) if target else steps.goodbye()
    if hours is None:
        made.kind, made.next = "goto", otherwise
        made.remarks.append(f"not converted: the time {spec[:80]} of an include")
        return
    made.remarks.append(f"include => {spot.context},{spec}"[:120])
    made.values["calendar"] = steps.catalogue.calendar(hours)
    made.next, made.on["closed"] = steps.to(Jump(spot, exten), line.env), otherwise


def branch(steps: Steps, made: Made, line: Landing) -> None:
    when: dict[str, str] = {}
    while True:
        condition = line.args[0]
        name = free_name(name_of(condition.removeprefix("var."), "way"), when)
        assert line.yes is not None
        assert line.no is not None
        when[name] = condition
        made.on[name] = steps.to(line.yes, line.env)
        following = follow(steps.paths, line.no, line.env)
        if following.kind != "branch" or following.skipped or len(when) >= WAYS or not following.entry:
            break
        if following.entry.label or following.entry in made.entries or not _apart(following.args[0], when.values()):
            break
        line = following
        made.entries.append(following.entry)
    made.values["when"] = when
    made.next = steps.step(following)


def language(steps: Steps, made: Made, line: Landing) -> None:
    if line.args[0][:2].lower() not in LANGUAGES:
        made.kind, made.next = "goto", steps.after(line)
        return
    made.values["language"] = line.args[0][:2].lower()
    steps.catalogue.languages.add(line.args[0][:2].lower())
    made.next = steps.after(line)


def set_(steps: Steps, made: Made, line: Landing) -> None:
    made.values |= {"name": name_of(line.args[0], "var"), "value": line.args[1]}
    made.next = steps.after(line)


def queue(steps: Steps, made: Made, line: Landing) -> None:
    assert line.entry is not None
    name, options, _, announce, wait_s = (*line.args, "", "", "", "", "")[:5]
    if not name:
        made.kind, made.next = "goto", steps.after(line)
        return
    key = steps.catalogue.queue(name, wait_s, line.entry)
    made.values["queue"] = key
    if line.entry.app.lower() != "queue":
        return
    if announce:
        steps.catalogue.differ(
            line.entry, f"the agent hears no {announce[:40]}: prompt whisper_queue_{key} names the queue"
        )
    for outcome, status in (("timeout", "TIMEOUT"), ("full", "FULL"), ("nobody", "JOINEMPTY"), ("too_long", "FULL")):
        lead(steps, made, outcome, steps.beyond(line, QUEUESTATUS=status))
    if "c" in options:
        lead(steps, made, "answered", steps.beyond(line, QUEUESTATUS="CONTINUE"))
    queue = steps.catalogue.queues[key]
    for sign in KEYS if queue.context else "":
        if target := steps.paths.find(queue.context, sign):
            queue.keys[sign] = "leave"
            made.on[sign] = steps.to(Jump(target, sign), line.env)


def lead(steps: Steps, made: Made, outcome: str, onward: Landing) -> None:
    """Name a step for `outcome`, where Asterisk had one: else what the step does by itself is better."""
    if onward.kind not in ("end", "hangup", "missing") or onward.skipped:
        made.on[outcome] = steps.step(onward)


def dial(steps: Steps, made: Made, line: Landing) -> None:
    assert line.entry is not None
    first, *others = [each.strip() for each in (line.args[0] if line.args else "").split("&")]
    options = line.args[2] if len(line.args) > 2 else ""
    technology, _, rest = first.partition("/")
    if technology.lower() == "local" and (jump := local_jump(steps, rest)):
        made.kind, made.next = "goto", steps.to(jump, line.env)
        return
    dial = next((dial for each in (first, *others) if (dial := dial_string(each))), "")
    if not dial:
        steps.catalogue.refuse(line.entry, f"{first[:40] or 'nothing'}: {ADVICE['dial'][0]}", ADVICE["dial"][1])
        made.remarks.append(f"not converted: {line.entry.at}  {line.entry}")
        made.kind, made.next = "goto", steps.after(line, DIALSTATUS="CHANUNAVAIL")
        return
    if others:
        how = f"rings {dial} only: a queue with agents finds one of several phones"
        steps.catalogue.differ(line.entry, how)
    made.values["target"] = steps.catalogue.target(dial)
    ring(steps, made, line.entry, line.args[1] if len(line.args) > 1 else "")
    for outcome, status in (("busy", "BUSY"), ("no_answer", "NOANSWER"), ("failed", "CHANUNAVAIL")):
        lead(steps, made, outcome, steps.beyond(line, DIALSTATUS=status))
    if "g" in options:
        lead(steps, made, "answered", steps.beyond(line, DIALSTATUS="ANSWER"))


def ring(steps: Steps, made: Made, entry: Entry, written: str) -> None:
    """Take over how long `Dial` rings: `seconds` or `seconds^of the talk`; name what is not kept."""
    seconds, limit, _ = written.strip().partition("^")
    if limit:
        steps.catalogue.differ(entry, f"the talk is not cut after {written.partition('^')[2][:10]} s")
    found = round(float(seconds)) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", seconds) else 0
    within = min(RING_MOST, max(RING_LEAST, found)) if found else RING_S
    if within != RING_S:
        made.values["ring_s"] = within
    if within != found:
        asked = f"rings {found} s" if found else "rings without end"
        steps.catalogue.differ(entry, f"{asked} in Asterisk; here {within} s (ring_s)")


def local_jump(steps: Steps, text: str) -> Jump | None:
    exten, _, context = text.partition("/")[0].partition("@")
    target = steps.paths.find(context, exten)
    return Jump(target, exten) if target else None


def voicemail(steps: Steps, made: Made, line: Landing) -> None:
    assert line.entry is not None
    box = (line.args[0] if line.args else "").partition("&")[0].partition("@")[0].lstrip("usbj") or "box"
    made.values["queue"] = steps.catalogue.queue(f"mailbox_{box}", "", line.entry)
    onward = steps.beyond(line)
    lead(steps, made, "kept", onward)
    made.next = steps.step(onward)


def hangup(steps: Steps, made: Made, line: Landing) -> None:
    made.values["prompt"] = []


def missing(steps: Steps, made: Made, line: Landing) -> None:
    made.values |= {"prompt": "transfer_failed", "disposition": "failed"}


def return_(steps: Steps, made: Made, line: Landing) -> None:
    if not steps.flow.invoked:
        made.kind, made.values["prompt"] = "hangup", []


def invoke(steps: Steps, made: Made, line: Landing) -> None:
    assert line.yes is not None
    assert line.no is not None
    begin = follow(steps.paths, line.yes, line.env)
    name = steps.flows.flow_of(begin, invoked=True)
    changed = assigned(steps, begin)
    made.next = steps.to(line.no, {key: value for key, value in line.env.items() if key not in changed})
    if name:
        made.values["flow"] = name
    else:
        made.kind = "goto"


def assigned(steps: Steps, begin: Landing) -> set[str]:
    """Return the variables a subroutine may change: all that its context sets."""
    context = steps.paths.file.contexts.get(begin.spot.context) if begin.spot else None
    entries = [entry for each in context.extens.values() for entry in each.values()] if context else []
    return {name for name in steps.paths.assigned if any(name in entry.args for entry in entries)}


def _apart(condition: str, others: Iterable[str]) -> bool:
    """Can `condition` hold only where none of `others` does? True of one fact and different values."""
    ways = [each.split(" = ") for each in (condition, *others)]
    if any(len(way) != 2 for way in ways) or len({way[0] for way in ways}) > 1:
        return False
    values = [way[1].lstrip("0") if way[1].isdecimal() else way[1] for way in ways]
    return values[0] not in values[1:]
