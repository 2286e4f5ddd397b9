"""Find prompts that still say what `ivr dialplan import` wrote in place of words. Reads files, changes nothing.

Called by `desk/dialplan_check.py`: `ivr dialplan check` notes each, `ivr dialplan reload` refuses those callers would
hear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ivr.errors import Finding
from ivr.flow.draft import Draft
from ivr.flow.extensions.words import is_placeholder
from ivr.flow.said import prompts_of
from ivr.flow.source import Source, parse
from ivr.flow.spoken import languages
from ivr.settings import Settings
from ivr.speech import recording

Prompt = tuple[str, str]
"""A language and a key."""


def placeholders(settings: Settings, folder: Path, found: Draft) -> tuple[list[Finding], list[Finding]]:
    """Return every placeholder among the prompts of `folder` without a recording, and again those a call comes to."""
    written = _written(settings.prompts_for(folder))
    left = {
        (locale, key): _finding(source, locale, key, text)
        for (locale, key), (source, text) in written.items()
        if isinstance(text, str) and is_placeholder(text) and not recording.find(settings, locale, key)
    }
    said: dict[Prompt, str] = {}
    for prompt, where in _said(found) if left else ():
        for part in _with_parts(prompt, written):
            said.setdefault(part, where)
    heard = [
        dataclasses.replace(finding, wrong=f"{finding.wrong}, and {said[prompt]} says it")
        for prompt, finding in left.items()
        if prompt in said
    ]
    return list(left.values()), heard


def _written(folders: Iterable[Path]) -> dict[Prompt, tuple[Source, Any]]:
    """Return each prompt as written and its file; of two with a key the later wins, as callers hear it."""
    written: dict[Prompt, tuple[Source, Any]] = {}
    for file in (each for folder in folders for each in sorted(folder.glob("*.toml"))):
        try:
            source, _ = parse(file, file.read_bytes())
        except OSError:
            continue
        prompts = source.table.get("prompts") if source else None
        if source and isinstance(prompts, dict):
            written |= {(file.stem, key): (source, text) for key, text in prompts.items()}
    return written


def _said(found: Draft) -> Iterator[tuple[Prompt, str]]:
    """Yield what callers can come to hear, and the step or queue that says it."""
    reached = languages([*found.numbers.values()], found.flows)
    for (flow, name), heard in sorted(reached.items()):
        step = found.flows[flow].steps[name]
        said = [(each.prompt, f"step {flow}.{name}") for each in prompts_of(step)]
        queue = found.queues.get(step.values.get("queue") or "")
        said += [(each, f"queue {queue.name}") for each in queue.messages] if queue else []
        yield from (((language, prompt), where) for prompt, where in said for language in sorted(heard))


def _with_parts(prompt: Prompt, written: dict[Prompt, tuple[Source, Any]]) -> Iterator[Prompt]:
    yield prompt
    text = written[prompt][1] if prompt in written else None
    parts = text.get("parts") if isinstance(text, dict) else None
    yield from ((prompt[0], part) for part in parts or () if isinstance(part, str))


def _finding(source: Source, locale: str, key: str, text: str) -> Finding:
    path = ("prompts", key)
    line, column, end = source.exactly(path) or (source.line(*path), None, None)
    expected = f"the words, or the recording: `ivr prompts import FILE --key {key} --locale {locale}`"
    wrong = f"still a placeholder of the import: {text}"
    return Finding(source.file, line, key, wrong, expected, column=column, end_column=end, kind="placeholder")
