"""The folder of call flows of a private hotline: a copy in which a stage's needs are true. Called by `private.py`."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ivr.desk.agents import Added
from ivr.flow.model import Dialplans
from ivr.flow.queues import leaving_keys
from ivr.scenarios.plan import WAITING, Stage
from ivr.scenarios.toml_text import toml_text
from ivr.settings import Settings

SHORT_WAIT_S = 14  # `max_wait_s` of a queue nobody answers: the rest of an hour teaches nothing
FILLER = "filler_"  # flows whose callers keep agents busy
FILLERS_FROM = 990001


def write_folder(
    used: Settings, settings: Settings, stage: Stage, targets: Mapping[str, Added], server: str, fillers: Sequence[str],
    dialplans: Dialplans,
) -> None:  # fmt: skip
    folder = settings.dialplans_dir
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(used.dialplans_dir, folder, ignore=shutil.ignore_patterns("scenarios", "samples", ".*"))
    hours = {key[1]: opened for key, opened in stage.needs.items() if key[0] == "hours"}
    states = {name: {"open": "24/7" if opened else "off"} for name, opened in hours.items()}
    _rewrite(folder / "hours.toml", "hours", states, without=("special",))
    short = {name: {"max_wait_s": SHORT_WAIT_S, "relax": []} for name, mode in stage.modes().items() if mode == WAITING}
    _rewrite(folder / "queues.toml", "queues", short)
    numbers = folder / "numbers.toml"
    places = {name: f"PJSIP/{added.agent.endpoint}" for name, added in targets.items()}
    urls = {key[1]: f"{server}/{key[1]}" for key in stage.needs if key[0] == "webhook"}
    _rewrite(numbers, "", {"targets": places, "webhooks": urls})
    added = ""
    for number, name in enumerate(fillers, FILLERS_FROM):
        leave = "".join(f'on."{key}" = "end"\n' for key in leaving_keys(dialplans.queues)[name])
        (folder / "flows" / f"{FILLER}{name}.toml").write_text(
            f'title = "Keeps the agents of {name} busy"\nstart = "wait"\nrescue = "end"\n\n'
            f'[steps.wait]\nkind = "queue"\nqueue = "{name}"\n{leave}on.nobody = "end"\n\n'
            '[steps.end]\nkind = "hangup"\n'
        )
        added += f'\n[numbers.{number}]\nflow = "{FILLER}{name}"\nlanguage = "{settings.default_language}"\n'
    numbers.write_text(numbers.read_text("utf-8") + added, "utf-8")


def _rewrite(
    file: Path, below: str, changes: Mapping[str, Mapping[str, object]], without: tuple[str, ...] = ()
) -> None:
    """Give tables of a TOML file other values; what else is written there stays as it is.

    without  sub-tables of changed ones that go.
    """
    tables = tomllib.loads(file.read_text("utf-8"))
    for name, values in changes.items():
        table = tables.setdefault(below, {}).setdefault(name, {}) if below else tables.setdefault(name, {})
        for gone in without:
            table.pop(gone, None)
        table.update(values)
    if changes:
        file.write_text(toml_text(tables), "utf-8")
