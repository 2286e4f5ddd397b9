"""Which prompts a step can say, those of its defaults included. Pure. Used by the checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.flow.model import Step
from ivr.flow.steps import KINDS

QUESTIONS = {
    "menu": ("prompt",),
    "collect": ("prompt",),
    "identify": ("prompt",),
    "announce": ("offer_prompt",),
    "survey": ("questions",),
}
"""Keys of prompts that ask for a key."""


@dataclass(frozen=True)
class Said:
    """A prompt a step can say.

    key  of the step that names it, '' for none.  item  which of a list, 0 for none.  outcome  that says it, '' for the
    step itself.  written  in the file, and not a default.
    """

    prompt: str
    key: str = ""
    item: int = 0
    outcome: str = ""
    written: bool = True


def prompts_of(step: Step) -> Iterator[Said]:
    """Yield every prompt `step` can say, in the order of its keys, then of its outcomes."""
    kind = KINDS[step.kind]
    for key in kind.keys:
        value = step.values.get(key.name)
        if key.type not in ("prompt", "prompts") or not value or not _is_said(step, key.name):
            continue
        listed = value if isinstance(value, tuple) else (value,)
        for number, prompt in enumerate(listed, 1):
            yield Said(prompt, key.name, number if len(listed) > 1 else 0, written=value != key.default)
    if step.kind == "identify":
        yield from _of_identify(step)
    for outcome in kind.outcomes:
        if outcome.otherwise.prompt and outcome.name not in step.on:
            yield Said(outcome.otherwise.prompt, outcome=outcome.name, written=False)


def _of_identify(step: Step) -> Iterator[Said]:
    if not step.values["prompt"]:
        yield Said(f"enter_{step.values['ask']}", "prompt", written=False)
    if step.values["read_back"]:
        yield Said("read_back", "read_back", written=False)
        yield Said("confirm_entry", "read_back", written=False)


def _is_said(step: Step, key: str) -> bool:
    """Can the prompt of `key` be said at all, as the step is written?"""
    if key in ("no_input_prompt", "wrong_key_prompt") and step.kind in ("menu", "collect"):
        return key.removesuffix("_prompt") not in step.on
    if step.kind == "announce" and key in ("offer_prompt", "goodbye_prompt", "wrong_key_prompt"):
        after = str(step.values["after"])
        return after == "end" if key == "goodbye_prompt" else after != "continue"
    return True
