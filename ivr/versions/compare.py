"""What differs between two versions: in words, and line by line. Pure. Called by `publish` and the command line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ivr.flow.load import PROMPTS, SHARED
from ivr.flow.model import Dialplans, Flow, Step


def changes(before: Dialplans, after: Dialplans) -> list[str]:
    """Return in words what `after` adds, changes and removes: steps by flow, then the rest by name."""
    found = []
    for name in sorted({*before.flows, *after.flows}):
        flow, now = before.flows.get(name), after.flows.get(name)
        if flow is None or now is None:
            found.append(f"flow {name} {'added' if flow is None else 'removed'}")
        elif told := _flow(flow, now):
            found.append(f"flow {name}: {told}")
    for what in (each.name for each in fields(Dialplans) if each.name != "flows"):
        old, new = getattr(before, what), getattr(after, what)
        if isinstance(new, Mapping) and (told := _named(old, new)):
            found.append(f"{what}: {told}")
    if before.emergency != after.emergency:
        found.append(f"emergency phones: {', '.join(after.emergency) or 'none'}")
    return found


def _flow(old: Flow, new: Flow) -> str:
    told = [f"{key} is now {getattr(new, key)!r}" for key in ("title", "start", "rescue")
            if getattr(old, key) != getattr(new, key)]  # fmt: skip
    steps = _named(old.steps, new.steps, _step)
    return "; ".join([*told, *([f"steps: {steps}"] if steps else [])])


def _named(old: Mapping[str, Any], new: Mapping[str, Any], about: Any = None) -> str:
    """Return which names came, went and mean something else."""
    came = [f"{name} added" for name in new if name not in old]
    other = [f"{name} changed" + (about(old[name], new[name]) if about else "")
             for name in new if name in old and old[name] != new[name]]  # fmt: skip
    went = [f"{name} removed" for name in old if name not in new]
    return ", ".join((*came, *other, *went))


def _step(old: Step, new: Step) -> str:
    """Return which keys of a step differ."""
    if old.kind != new.kind:
        return f" (kind {old.kind} is now {new.kind})"
    keys = [key for key in new.values if old.values.get(key) != new.values[key]]
    keys += [f"on.{name}" for name in {**old.on, **new.on} if old.on.get(name) != new.on.get(name)]
    keys += ["next"] if old.next != new.next else []
    return f" ({', '.join(keys)})"


def words_changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return which prompts of `after` (files of a version) are new or say something else, as pl/welcome."""
    before, after = alike(before, after)
    old, new = _said(before), _said(after)
    return [name for name, text in new.items() if old.get(name) != text]


def alike(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the files that can be compared: versions of older software hold no shared words."""
    if all(any(name.startswith(SHARED) for name in side) for side in (before, after)):
        return before, after
    first, second = ({k: v for k, v in side.items() if not k.startswith(SHARED)} for side in (before, after))
    return first, second


def _said(files: Mapping[str, str]) -> dict[str, Any]:
    """Return every prompt; the folder's own win over the shared ones."""
    found: dict[str, Any] = {}
    for name in sorted(files, key=lambda name: (not name.startswith(SHARED), name)):
        if name.startswith(PROMPTS):
            prompts = tomllib.loads(files[name]).get("prompts", {})
            locale = name.rpartition("/")[2].removesuffix(".toml")
            found |= {f"{locale}/{key}": text for key, text in prompts.items()}
    return found


def difference(before: Mapping[str, str], after: Mapping[str, str], names: tuple[str, str]) -> list[str]:
    """Return a unified diff of two sets of files, without line ends; empty when they are the same."""
    lines: list[str] = []
    for file in sorted({*before, *after}):
        lines += difflib.unified_diff(
            before.get(file, "").splitlines(), after.get(file, "").splitlines(),
            f"{names[0]}/{file}" if file in before else "/dev/null",
            f"{names[1]}/{file}" if file in after else "/dev/null", lineterm="",
        )  # fmt: skip
    return lines
