"""Write docs/dialplan.md from the declarations of `flow/steps.py`. Pure.

`ivr dialplan reference` prints it; a test keeps the page up to date.
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.call import DISPOSITIONS
from ivr.flow import queue_keys, run, source, steps
from ivr.flow.model import Action
from ivr.flow.steps import KINDS, TYPES, Fallback, Key, Kind

_HEAD = """# Dialplan reference

This page is generated: `ivr dialplan reference > docs/dialplan.md`. To learn by example, read
[dialplans/README.md](../dialplans/README.md) first.

Files are TOML in UTF-8, at most {bytes} KiB each. Names of flows, steps, queues, calendars and targets are
small letters, digits and `_`. Every mistake in every file is reported at once by `ivr dialplan check`; a set
with a mistake never goes live.
"""

_FLOW_TEXT = """## flows/*.toml

One file is one flow; its name is the file's. A flow is a flat list of steps, `[steps.<name>]`. A step has a
`kind` and ends with one of the kind's outcomes. Where an outcome leads is written in the step:
`next = "<step>"` for the ordinary way on, `on.<outcome> = "<step>"` (or a table `[steps.<name>.on]`) for each
other one. An outcome you name goes to your step and says nothing; one you leave out does what the tables
below tell.

Bounds: {steps} steps a call, then a goodbye; {announcements} announcements a step; {repeats} repeats of them.
Refused: a step nothing leads to, and a loop in which the caller need not press a key or wait for anybody.
"""

_HOURS_TEXT = """
A calendar has two more tables:

`[hours.<name>.week]`: a day or a range of days (`mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, `mon-fri`)
and its hours, a list such as `["08:00-12:00", "13:00-18:00"]`. An end before the start is on the next day,
`24:00` is midnight. A day that is not written is closed.

`[hours.<name>.special]`: a date, `2026-12-24`, or a day of every year, `12-24`, and its hours, `[]` for
closed. They replace the week's hours; a date beats a day of every year. Hours past midnight belong to the day
they begin on.
"""


_QUEUES_TEXT = """
A need is one or more of `skill>=level`, `skill<=level` and `skill` (any level), joined by `&`; all of them
must be met. A skill an agent does not have is unknown, not 0: it meets nothing, not even `<=`. A project is the skill
`project/<name>`, a language the skill `lang/pl`; agents get both by `--project` and `--language`.

`relax` is a list of at most {most} steps, each later than the one before: `[{{ after_s = 60, need = "internet" }}]`.
Whoever could answer before still can; a step only adds agents, or points.
"""

_KEYS_TEXT = """
`[queues.<name>.keys]`: a telephone key and what it does, `1 = "callback"`; `keys = "*#"` is short for keys that
leave. `overflow` is one of these as well, without `hear_again`:
"""

_SERVICE_TEXT = """
`service_level` is a table, `{ target_s = 20, percent = 80 }`. It is shown and reported, and a project lends its
agents (`lend` of another queue's step) only while all its queues with a service level hold theirs:
"""


def markdown() -> str:
    """Return the whole reference."""
    parts = [
        _HEAD.format(bytes=source.FILE_BYTES // 1024),
        _FLOW_TEXT.format(steps=run.STEPS, announcements=run.ANNOUNCEMENTS, repeats=run.REPEATS),
        _keys(steps.FLOW),
        *(_kind(kind) for kind in KINDS.values()),
        "## numbers.toml\n\n" + _keys((steps.EMERGENCY,)),
        f"`[numbers.<number>]`, the number as digits with an optional `+` (`{steps.DIAL_NUMBER}`):\n",
        _keys(steps.NUMBER),
        f"`[targets]`: {steps.TARGETS_DOC}\n",
        f'Each is `<name> = "<dial string>"`, written as `{steps.DIAL_STRING}`.\n',
        "## queues.toml\n\n`[queues.<name>]`:\n\n" + _keys(queue_keys.QUEUE),
        _QUEUES_TEXT.format(most=queue_keys.RELAX_MOST),
        _keys(queue_keys.RELAX),
        _KEYS_TEXT,
        _table(("action", "meaning"), ((f"`{name}`", doc) for name, doc in queue_keys.ACTIONS.items())),
        _SERVICE_TEXT,
        _keys(queue_keys.SERVICE_LEVEL),
        "## hours.toml\n\n"
        + _keys((steps.HOURS_TIMEZONE,))
        + "\n`[hours.<name>]`:\n\n"
        + _keys(steps.CALENDAR)
        + _HOURS_TEXT,
        "## Dispositions\n\nHow a call's record names its end:\n\n"
        + _table(("disposition", "meaning"), DISPOSITIONS.items()),
        "## Types\n\n" + _table(("type", "meaning"), TYPES.items()),
    ]
    return "\n".join(parts)


def _kind(kind: Kind) -> str:
    text = f"### {kind.name}\n\n{kind.doc}\n"
    if kind.keys:
        text += "\n" + _keys(kind.keys)
    rows = [(f"`{o.name}`", o.doc, _fallback(o.otherwise)) for o in kind.outcomes]
    if kind.pressed == "menu":
        rows.insert(
            0,
            (
                'a key: `0`-`9`, `"*"`, `"#"`',
                "the caller pressed it; at least one is needed",
                "counts as `wrong_key`",
            ),
        )
    if kind.pressed == "queue":
        rows.append(("a key", "the caller left with a key of the queue's `keys`", "must be named"))
    if rows:
        text += "\n" + _table(("outcome", "when", "left out"), rows)
    return text


def _keys(keys: Iterable[Key]) -> str:
    rows = ((f"`{k.name}`", k.type, _default(k), k.doc + _allowed(k)) for k in keys)
    return _table(("key", "type", "default", "meaning"), rows)


def _default(key: Key) -> str:
    if key.default is None:
        return key.absent or "required"
    if isinstance(key.default, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in key.default) + "]`"
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f'`"{key.default}"`' if isinstance(key.default, str | Action) else f"`{key.default}`"


def _allowed(key: Key) -> str:
    if key.choices:
        return "; one of " + ", ".join(f'`"{choice}"`' for choice in key.choices)
    return f"; {key.least:g} to {key.most:g}" if key.least is not None and key.most is not None else ""


def _fallback(otherwise: Fallback) -> str:
    said = f"says `{otherwise.prompt}`, " if otherwise.prompt else ""
    return {
        "next": "goes to `next`",
        "again": "asks again",
        "rescue": f"{said}goes to the flow's `rescue`",
        "end": f"{said}ends the call as `{otherwise.disposition}`",
    }[otherwise.to]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
