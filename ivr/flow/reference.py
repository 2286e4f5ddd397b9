"""Write docs/dialplan.md from the declarations of `flow/steps.py`. Pure.

`ivr dialplan reference` prints it; a test keeps the page up to date.
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.call import DISPOSITIONS
from ivr.flow import (
    check_set,
    declare,
    facts,
    perform,
    perform_known,
    queue_keys,
    run,
    scenario_keys,
    source,
    state,
    steps,
)
from ivr.flow.declare import TYPES, Fallback, Key, Kind
from ivr.flow.facts import Fact
from ivr.flow.mistakes import MISTAKES
from ivr.flow.model import Action
from ivr.flow.steps import KINDS
from ivr.opening import countries

_HEAD = """# Dialplan reference

This page is generated: `ivr dialplan reference > docs/dialplan.md`. To learn by example, read
[dialplans/README.md](../dialplans/README.md) first.

Files are TOML in UTF-8, at most {bytes} KiB each. Names of flows, steps, queues, calendars and targets are
small letters, digits and `_`. Every mistake in every file is reported at once by `ivr dialplan check`; a set
with a mistake never goes live.

A folder may bring prompts of its own, `prompts/<language>.toml`: they add to the hotline's (`HOTLINE_PROMPTS`), and win
where both have one.
"""

_FLOW_TEXT = """## flows/*.toml

One file is one flow; its name is the file's. A flow is a flat list of steps, `[steps.<name>]`. A step has a
`kind` and ends with one of the kind's outcomes. Where an outcome leads is written in the step:
`next = "<step>"` for the ordinary way on, `on.<outcome> = "<step>"` (or a table `[steps.<name>.on]`) for each
other one. An outcome you name goes to your step and says nothing; one you leave out does what the tables
below tell.

Bounds: {steps} steps a call, then a goodbye; {depth} flows inside each other; {variables} variables of {chars}
characters; {announcements} announcements a step; {repeats} repeats of them.
Refused: a step nothing leads to, and a loop in which the caller need not press a key or wait for anybody.
"""

_HOURS_TEXT = """
`open` is written as the [opening_hours](https://wiki.openstreetmap.org/wiki/Key:opening_hours) of OpenStreetMap:

| written | meaning |
| --- | --- |
| `24/7` | day and night |
| `off` | closed for good |
| `Mo-Fr 08:00-12:00,13:00-18:00` | days and their hours; `Mo Tu We Th Fr Sa Su`, `Mo,We` for single ones |
| `Mo-Fr 08:00-20:00; Sa 09:00-14:00` | `;` joins parts; a later part replaces the earlier ones on its days |
| `Mo-Fr 08:00-20:00; PH off` | `PH`: the public holidays of `country` |
| `Mo-Fr 08:00-20:00; PH 10:00-14:00` | other hours on public holidays |
| `Mo-Fr 08:00-16:00, Th 16:00-20:00` | `, ` before days adds to the hours before it |
| `Mo-Fr 08:00-20:00; Mo-Fr 12:00-13:00 off` | closed in between |
| `Mo-Fr 22:00-06:00` | past midnight; the hours belong to the day they begin |
| `Jul-Aug Mo-Fr 09:00-15:00`, `Dec 24-Dec 26 off`, `2026 Dec 31 08:00-14:00` | months and dates |
| `week 2-52/2 Mo 10:00-12:00`, `Mo[1] 10:00-12:00`, `easter +1 day off` | every second week, the first Monday, Easter |

Refused, because a telephone line cannot know it: `SH` (school holidays), hours of the sun, hours without an end
(`08:00+`), `unknown`, `||`, and remarks in quotes.

A calendar has one more table, `[hours.<name>.special]`: a date, `2026-12-31 = "08:00-14:00"`, or a day of every year,
`12-24 = "off"`. Its hours are written as above without days, or are `off`, `closed` or `24 hours`. They replace what
`open` says of the hours that begin on that day; a date beats a day of every year. Hours that ran past midnight into it
stay.

Public holidays are built in, for {countries} countries and the years 2000 to 2075. They are those of the whole country;
a region's are written in `special`. Compared with a second source for 2024 to 2029: Poland, Germany and Czechia agree.
Known to differ, so that `special` has to correct them: Great Britain (no 1 January; of a holiday on a weekend only the
day that stands in for it, in the United States too), Russia (no days moved by the government), Ukraine (compare them
before use). `ivr dialplan list` shows until when each calendar is open or closed.

Besides mistakes in writing, `ivr dialplan check` tells of hours that do not open within three years (unless `off` was
meant) and of parts a later part always replaces, such as the first of `Mo 08:00-12:00; Mo 13:00-18:00`.
"""

_CONDITIONS_TEXT = """## Conditions and facts

A condition is one or more comparisons, `fact op value`, joined by `&`; all of them must hold. At most {terms} of them.
`op` is `=`, `!=`, `<`, `<=`, `>` or `>=`; facts that are words know only `=` and `!=`. Behind `=` and `!=` up to
{choices} values may stand, parted by `|`: `class = vip|business`. `area = pl/mazowieckie` holds there and everywhere
below it. A fact that is not known makes its comparison false, with `!=` too: let `otherwise` be a way that is always
right.

In texts such as the `value` of `set` a fact in braces is replaced by what is known of it:
`{{language}}-{{var.account}}`; nothing known leaves nothing.
"""

_WEBHOOK_TEXT = """`[webhooks]`: {doc}

Each is `<name> = "<address>"`. The server is sent a POST with a JSON object: each fact of `send` by its name, a
variable by its bare name, `null` for what is not known. It answers with a JSON object, for example
`{{ "result": "blocked", "balance": "12.50" }}`: `result` is the outcome if `results` has it, else the outcome is
`other`; the other plain fields become variables, at most {fields}, cut to {chars} characters.
"""

_CHECK_TEXT = """## Mistakes

`ivr dialplan check [DIR] --json` prints an object: `ok`, `version` (of a set without a mistake), `findings`, `notes`.
A finding has `file`, `line`, `column`, `end_column` (the one after the last letter; all from 1, `null` when it concerns
the whole file), `where` (table and key), `wrong`, `expected`, `nearest` (a valid name most like what is written) and
`kind`. Exit status 1 with findings, 0 without. These kinds there are; new ones may come, none changes its meaning:
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

_SCENARIO_TEXT = """## scenarios/*.toml

`[scenarios.<name>]`: a call, and what must come of it. `ivr dialplan test` runs them;
[dialplans/README.md](../dialplans/README.md) tells how to write them.
"""


def markdown() -> str:
    """Return the whole reference."""
    parts = [
        _HEAD.format(bytes=source.FILE_BYTES // 1024),
        _FLOW_TEXT.format(
            steps=run.STEPS,
            depth=check_set.DEPTH,
            variables=state.VARIABLES_MOST,
            chars=facts.VALUE_CHARS,
            announcements=perform.ANNOUNCEMENTS,
            repeats=perform.REPEATS,
        ),
        _keys(steps.FLOW),
        *(_kind(kind) for kind in KINDS.values()),
        _CONDITIONS_TEXT.format(terms=facts.TERMS_MOST, choices=facts.CHOICES_MOST),
        _table(("fact", "type", "meaning"), (_fact(fact) for fact in facts.FACTS.values())),
        "## numbers.toml\n\n" + _keys((steps.EMERGENCY,)),
        f"`[numbers.<number>]`, the number as digits with an optional `+` (`{declare.DIAL_NUMBER}`):\n",
        _keys(steps.NUMBER),
        f"`[targets]`: {steps.TARGETS_DOC}\n",
        f'Each is `<name> = "<dial string>"`, written as `{declare.DIAL_STRING}`.\n',
        _WEBHOOK_TEXT.format(doc=steps.WEBHOOKS_DOC, fields=perform_known.REPLY_FIELDS, chars=facts.VALUE_CHARS),
        "## queues.toml\n\n`[queues.<name>]`:\n\n" + _keys(queue_keys.QUEUE),
        _QUEUES_TEXT.format(most=queue_keys.RELAX_MOST),
        _keys(queue_keys.RELAX),
        _KEYS_TEXT,
        _table(("action", "meaning"), ((f"`{name}`", doc) for name, doc in queue_keys.ACTIONS.items())),
        _SERVICE_TEXT,
        _keys(queue_keys.SERVICE_LEVEL),
        "## hours.toml\n\n"
        + _keys((steps.HOURS_TIMEZONE, steps.HOURS_COUNTRY))
        + "\n`[hours.<name>]`:\n\n"
        + _keys(steps.CALENDAR)
        + _HOURS_TEXT.format(countries=len(countries())),
        _SCENARIO_TEXT,
        _keys(scenario_keys.SCENARIO),
        "`customer`, and each of `accounts` and `postcodes`:\n",
        _keys(scenario_keys.CUSTOMER),
        "Each of `announcements`:\n",
        _keys(scenario_keys.ANNOUNCED),
        "## Dispositions\n\nHow a call's record names its end:\n\n"
        + _table(("disposition", "meaning"), DISPOSITIONS.items()),
        "## Types\n\n" + _table(("type", "meaning"), (TYPES | scenario_keys.TYPES).items()),
        _CHECK_TEXT,
        _table(("kind", "meaning"), ((f"`{kind}`", doc) for kind, doc in MISTAKES.items())),
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
    if named := _NAMED.get(kind.named):
        rows.insert(0, named)
    if kind.pressed == "queue":
        rows.append(("a key", "the caller left with a key of the queue's `keys`", "must be named"))
    if rows:
        text += "\n" + _table(("outcome", "when", "left out"), rows)
    return text


def _fact(fact: Fact) -> tuple[str, str, str]:
    choices = "; one of " + ", ".join(f"`{choice}`" for choice in fact.choices) if fact.choices else ""
    return f"`{fact.written}`", _FACT_TYPES[fact.type], fact.doc + choices


_FACT_TYPES = {
    "time": "time, HH:MM",
    "date": "date, YYYY-MM-DD",
    "choice": "word",
    "text": "text",
    "number": "number",
    "area": "area",
    "free": "text or number",
}
_NAMED = {
    "when": ("a name in `when`", "its condition is the first that holds", "must be named"),
    "results": ("a name in `results`", "the server's `result` is this name", "must be named"),
    "flow": ("what the flow returns", "a `return` step there has this `outcome`", "must be named"),
}


def _keys(keys: Iterable[Key]) -> str:
    rows = ((f"`{k.name}`", k.type, _default(k), k.doc + _allowed(k)) for k in keys)
    return _table(("key", "type", "default", "meaning"), rows)


def _default(key: Key) -> str:
    if key.default is None:
        return key.absent or "required"
    if key.default == () and key.type == "values":
        return "`{}`"
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
