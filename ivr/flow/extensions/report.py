"""Write IMPORT.md: what became of each line of an `extensions.conf`. Pure. Called by `flow/extensions/write.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ivr.flow.extensions.file import Entry, ExtensionsFile
from ivr.flow.extensions.made import Catalogue, MadeFlow, printable
from ivr.flow.extensions.paths import Paths

CELL_CHARS = 160


def report(
    file: ExtensionsFile,
    paths: Paths,
    catalogue: Catalogue,
    flows: Mapping[str, MadeFlow],
    numbers: Mapping[str, tuple[str, str, str]],
) -> str:
    """Return IMPORT.md."""
    became: dict[Entry, list[str]] = {}  # steps by line
    for flow in flows.values():
        for made in flow.steps.values():
            for entry in dict.fromkeys(made.entries):
                became.setdefault(entry, []).append(f"`{made.kind}` {flow.name}.{made.name}")
    sections = [
        ["# What was imported", "", _summary(paths, catalogue, flows, numbers, became)],
        ["## To do", "", *_to_do(catalogue, numbers)],
        ["## Not converted", "", *_refused(file, catalogue)],
        ["## Works a little differently", "", *_differs(catalogue)],
        ["## Recordings", "", *_recordings(catalogue)],
        ["## Every line", "", *_lines(file, paths, catalogue, became)],
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _summary(
    paths: Paths,
    catalogue: Catalogue,
    flows: Mapping[str, MadeFlow],
    numbers: Mapping[str, tuple[str, str, str]],
    became: Mapping[Entry, list[str]],
) -> str:
    steps = sum(len(flow.steps) for flow in flows.values())
    return (
        f"Numbers: {len(numbers)}. Flows: {len(flows)}, with {steps} steps. Queues: {len(catalogue.queues)}. "
        f"Calendars: {len(catalogue.calendars)}. Targets: {len(catalogue.targets)}.\n\n"
        f"Lines that became steps: {len(became)}. Part of the steps around them: "
        f"{len(paths.seen - set(became) - set(catalogue.refused))}. Not converted: {len(catalogue.refused)}."
    )


def _to_do(catalogue: Catalogue, numbers: Mapping[str, tuple[str, str, str]]) -> Iterable[str]:
    if catalogue.prompts:
        yield "- Words or recordings for the prompts: *Recordings* below."
    for number, (_, _, origin) in numbers.items():
        if not origin.endswith(f" {number}"):
            yield f"- Number {number} stands for {_cell(origin)}: write the number that is dialled into numbers.toml."
    for name, queue in catalogue.queues.items():
        skill = queue.values["need"]
        members = catalogue.queues_conf.get(queue.title, {}).get("member", "")
        known = f" (queues.conf: {_cell(members)})" if members else ""
        yield f"- Agents of queue `{name}`: give them the skill `{skill}` with `ivr agent`{known}."
    yield "- `rescue` of each flow is a goodbye, as in Asterisk: make it a person if you can."
    yield "- `ivr dialplan check`, then `ivr dialplan try NUMBER`, then `ivr dialplan draw`."


def _refused(file: ExtensionsFile, catalogue: Catalogue) -> Iterable[str]:
    if not catalogue.refused and not file.odd:
        yield "Nothing."
        return
    yield "| line | written | why | instead |"
    yield "|---|---|---|---|"
    for entry, each in sorted(catalogue.refused.items(), key=lambda pair: (pair[0].at.file, pair[0].at.line)):
        yield f"| {_cell(str(entry.at))} | {_code(str(entry))} | {_cell(each.why)} | {_cell(each.instead)} |"
    for odd in file.odd:
        yield f"| {_cell(str(odd.at))} | {_code(odd.text)} | {_cell(odd.why)} | |"


def _differs(catalogue: Catalogue) -> Iterable[str]:
    if not catalogue.differs:
        yield "Nothing."
        return
    yield "| line | written | how |"
    yield "|---|---|---|"
    for each in catalogue.differs.values():
        yield f"| {_cell(str(each.entry.at))} | {_code(str(each.entry))} | {_cell(each.how)} |"


def _recordings(catalogue: Catalogue) -> Iterable[str]:
    if catalogue.names:
        locales = " or ".join(sorted(catalogue.languages))
        yield (
            "Each has a prompt with a text in brackets (prompts/). Write what is said there and a voice speaks it, or "
            f"bring the recording; language {locales}. For example:"
        )
        sound, key = next(iter(catalogue.names.items()))
        yield ""
        yield f"    ivr prompts import {printable(sound, 80)}.wav --key {key} --locale {min(catalogue.languages)}"
        yield ""
        yield "| recording in Asterisk's sounds folder | prompt |"
        yield "|---|---|"
        yield from (f"| {_code(sound)} | `{key}` |" for sound, key in catalogue.names.items())
        yield ""
    if catalogue.sounds:
        yield "Sounds that come with Asterisk became prompts that are there already:"
        yield ", ".join(f"{sound} → `{key}`" for sound, key in catalogue.sounds.items()) + "."
    if not catalogue.names and not catalogue.sounds:
        yield "None."


def _lines(
    file: ExtensionsFile, paths: Paths, catalogue: Catalogue, became: Mapping[Entry, list[str]]
) -> Iterable[str]:
    for context in file.contexts.values():
        entries = [entry for each in context.extens.values() for entry in each.values()]
        if context.template or context.name == "general" or not (entries or context.settings):
            continue
        yield f"### [{_cell(context.name)}] {_cell(str(context.at))}"
        yield ""
        if entries and not paths.seen & set(entries):
            lines = sorted(entry.at.line for entry in entries)
            yield f"Not reached from the numbers: {len(entries)} lines, {lines[0]} to {lines[-1]}."
            yield ""
            continue
        yield "| line | written | became |"
        yield "|---|---|---|"
        for entry in entries:
            outcome = _outcome(entry, paths, catalogue, became)
            yield f"| {entry.at.line} | {_code(f'{entry.exten},{entry.priority} {entry}')} | {outcome} |"
        for key, text, at in context.settings:
            yield f"| {at.line} | {_code(f'{key} => {text}')} | **not converted**: no step does this |"
        yield ""


def _outcome(entry: Entry, paths: Paths, catalogue: Catalogue, became: Mapping[Entry, list[str]]) -> str:
    if entry in catalogue.refused:
        steps = f" ({', '.join(became[entry][:3])})" if entry in became else ""
        return f"**not converted**: {_cell(catalogue.refused[entry].why)}{steps}"
    if entry in became:
        more = len(became[entry]) - 3
        return ", ".join(became[entry][:3]) + (f" and {more} more" if more > 0 else "")
    if entry in paths.seen:
        return "part of the steps around it"
    if entry.exten == "h":
        return "not needed: the record of a call is kept when it is over"
    return "not reached"


def _cell(text: str) -> str:
    return printable(text, CELL_CHARS).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{_cell(text).replace('`', chr(39))}`" if text.strip() else ""
