"""Write what an import made as files of a dialplan folder: TOML a person reads on with, and IMPORT.md. Pure.

Called by `flow/extensions/convert.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.flow.extensions.file import Entry, ExtensionsFile
from ivr.flow.extensions.made import Catalogue, Made, MadeFlow, MadeQueue, printable
from ivr.flow.extensions.paths import Paths
from ivr.flow.extensions.report import report

NAMES = {"pl": "Polski", "ru": "Русский", "en": "English"}
REMARK_CHARS = 140
LINES_SHOWN = 6


@dataclass(frozen=True)
class Imported:
    """A dialplan folder, and how much of the file it holds. files  text by path in the folder."""

    files: Mapping[str, str]
    numbers: int
    flows: int
    steps: int
    refused: tuple[str, ...]
    differs: tuple[str, ...]
    recordings: tuple[str, ...]


def write(
    file: ExtensionsFile,
    paths: Paths,
    catalogue: Catalogue,
    flows: Mapping[str, MadeFlow],
    numbers: Mapping[str, tuple[str, str, str]],
    zone: str,
) -> Imported:
    """Return the folder. numbers  flow, language and origin by number."""
    files = {
        "numbers.toml": _numbers(numbers, catalogue.targets),
        "queues.toml": _queues(catalogue.queues),
        "hours.toml": _hours(catalogue, zone),
    }
    files |= {f"flows/{name}.toml": _flow(flow) for name, flow in sorted(flows.items())}
    if catalogue.prompts:
        files |= {f"prompts/{locale}.toml": _prompts(locale, catalogue) for locale in sorted(catalogue.languages)}
    files["IMPORT.md"] = report(file, paths, catalogue, flows, numbers)
    refused = [f"{each.entry.at}: {printable(str(each.entry), 80)}: {each.why}; instead: {each.instead}"
               for each in catalogue.refused.values()]  # fmt: skip
    refused += [f"{odd.at}: {printable(odd.text, 60)}: {odd.why}" for odd in file.odd]
    differs = [f"{each.entry.at}: {printable(str(each.entry), 80)}: {each.how}" for each in catalogue.differs.values()]
    steps = sum(len(flow.steps) for flow in flows.values())
    return Imported(files, len(numbers), len(flows), steps, tuple(refused), tuple(differs), tuple(catalogue.names))


def value(written: object) -> str:
    """Return a value as TOML."""
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, str):
        return json.dumps(printable(written, 500), ensure_ascii=False)
    if isinstance(written, list | tuple):
        return f"[{', '.join(value(each) for each in written)}]"
    if isinstance(written, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {value(each)}" for name, each in written.items()) + " }"
    return str(written)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else value(name)


def _numbers(numbers: Mapping[str, tuple[str, str, str]], targets: Mapping[str, str]) -> str:
    lines = ["# Numbers callers dial, and the flow that answers each. Imported: see IMPORT.md.", "emergency = []"]
    for number, (flow, language, origin) in numbers.items():
        lines += ["", f"# {_remark(origin)}", f"[numbers.{_key(number)}]", f"flow = {value(flow)}"]
        lines += [f"language = {value(language)}", f"name = {value(_remark(origin))}"]
    lines += ["", "# Where a `transfer` step may connect to, by name.", "[targets]"]
    lines += [f"{name} = {value(dial)}" for name, dial in targets.items()]
    return "\n".join(lines) + "\n"


def _queues(queues: Mapping[str, MadeQueue]) -> str:
    lines = ["# Queues. Imported: see IMPORT.md. `need` is a skill of that name: `ivr agent` gives it to agents."]
    for name, queue in queues.items():
        lines += ["", f"[queues.{name}]", f"title = {value(queue.title)}"]
        lines += [f"{key} = {value(each)}" for key, each in queue.values.items()]
        if queue.keys:
            lines += [
                "",
                f"[queues.{name}.keys]",
                *(f"{_key(key)} = {value(each)}" for key, each in queue.keys.items()),
            ]
    return "\n".join(lines) + "\n"


def _hours(catalogue: Catalogue, zone: str) -> str:
    lines = [
        "# Opening hours, from GotoIfTime and timed includes. Imported: see IMPORT.md.",
        f"timezone = {value(zone)}",
    ]
    for name, hours in catalogue.calendars.items():
        lines += ["", f"[hours.{name}]"]
        lines += [f"timezone = {value(hours.zone)}"] if hours.zone not in ("", zone) else []
        lines += [f"open = {value(hours.open)}"]
    return "\n".join(lines) + "\n"


def _prompts(locale: str, catalogue: Catalogue) -> str:
    lines = [
        "# Recordings of the imported dialplan. Put the words in, or use the recording: see IMPORT.md.",
        f"locale = {value(locale)}",
        f"name = {value(NAMES[locale])}",
        "",
        "[prompts]",
    ]
    return "\n".join([*lines, *(f"{key} = {value(text)}" for key, text in catalogue.prompts.items())]) + "\n"


def _flow(flow: MadeFlow) -> str:
    lines = ["# Imported: see IMPORT.md.", f"title = {value(flow.title)}", f"start = {value(flow.start)}"]
    lines += [f"rescue = {value(flow.rescue)}  # whom nothing else can help: make it a person if you can"]
    first = {name: made for name, made in flow.steps.items() if name == flow.start}
    for made in (first | flow.steps).values():
        lines += ["", *_step(made)]
    return "\n".join(lines) + "\n"


def _step(made: Made) -> Iterable[str]:
    for remark in dict.fromkeys(made.remarks):
        yield f"# {_remark(remark)}"
    entries = list(dict.fromkeys(made.entries))
    for entry in entries[:LINES_SHOWN]:
        yield f"# {_remark(f'{entry.at}  {_written(entry)}')}"
    if len(entries) > LINES_SHOWN:
        yield f"# … and {len(entries) - LINES_SHOWN} lines more"
    yield f"[steps.{made.name}]"
    yield f'kind = "{made.kind}"'
    for key, each in made.values.items():
        if isinstance(each, list) and len(each) == 1:
            each = each[0]
        if key != "when":
            yield f"{key} = {value(each)}"
    if made.next:
        yield f'next = "{made.next}"'
    when = made.values.get("when")
    if isinstance(when, Mapping):
        yield from ["", f"[steps.{made.name}.when]", *(f"{_key(name)} = {value(each)}" for name, each in when.items())]
    if len(made.on) > 3 or when:
        yield from ["", f"[steps.{made.name}.on]"]
        yield from (f'{_key(outcome)} = "{step}"' for outcome, step in made.on.items())
    else:
        yield from (f'on.{_key(outcome)} = "{step}"' for outcome, step in made.on.items())


def _written(entry: Entry) -> str:
    return f"{entry.exten},{entry.priority}: {entry}"


def _remark(text: str) -> str:
    return printable(text, REMARK_CHARS)
