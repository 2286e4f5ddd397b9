"""ivr/scenarios/private_folder.py and servers.py: what a private hotline is given is right before it is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from ivr import settings as settings_module
from ivr.flow.commands import Fetched
from ivr.flow.load import load, prompt_keys
from ivr.flow.scenario_run import run_scenario
from ivr.hours import is_open
from ivr.scenarios.folder import read_all
from ivr.scenarios.plan import WAITING, Part, Stage, part_of, stages
from ivr.scenarios.private import free_ports, private_settings
from ivr.scenarios.private_folder import write_folder
from ivr.scenarios.servers import serve_replies
from ivr.scenarios.toml_text import toml_text
from ivr.settings import PROJECT

FOLDERS = (PROJECT / "dialplans", *sorted((PROJECT / "dialplans" / "samples").iterdir()))


class Phone(NamedTuple):
    endpoint: str


class Added(NamedTuple):
    agent: Phone


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_folder_of_every_stage_passes_the_check_and_says_what_it_should(folder: Path, tmp_path: Path) -> None:
    """Calendars are open or closed for good, targets are phones here, queues nobody answers are short; no mistake."""
    used = settings_module.load(dialplans=folder, prompts=PROJECT / "prompts")
    dialplans, scenarios, texts = read_all(used)
    found = [part_of(each, run_scenario(each, dialplans, texts), dialplans) for each in scenarios]
    planned = stages([part for part in found if isinstance(part, Part)], dialplans)
    settings, environment = private_settings(used, tmp_path)
    for stage in planned:
        fillers = [name for name, mode in stage.modes().items() if mode == WAITING]
        targets = {key[1]: Added(Phone("a1b2c3")) for key in stage.needs if key[0] == "target"}
        write_folder(used, settings, stage, targets, "http://127.0.0.1:4", fillers, dialplans)  # type: ignore[arg-type]
        written = load(settings.dialplans_dir, prompt_keys(*settings.prompt_dirs))
        for (kind, *name), value in stage.needs.items():
            if kind == "hours":
                assert is_open(written.hours[name[0]], scenarios[0].situation.at) is value
            elif kind == "target":
                assert written.targets[name[0]] == "PJSIP/a1b2c3"
            elif kind == "webhook":
                assert written.webhooks[name[0]] == f"http://127.0.0.1:4/{name[0]}"

        assert all(written.queues[name].max_wait_s < 60 for name in fillers)
        assert len(written.numbers) == len(dialplans.numbers) + len(fillers)
    assert len(planned) >= 2
    assert environment["HOTLINE_SIP_PORT"] == str(settings.sip_port) != "5060"


def test_a_companys_server_answers_as_declared() -> None:
    """A reply, a refusal, and for a name nobody declared a refusal too."""
    stage = Stage(
        {("webhook", "crm"): Fetched("answered", "paid", {"balance": "12"}), ("webhook", "x"): Fetched("failed")}
    )
    with serve_replies(stage) as address:
        with urlopen(Request(f"{address}/crm", b"{}")) as reply:
            assert json.load(reply) == {"result": "paid", "balance": "12"}
        for name in ("x", "other"):
            with pytest.raises(HTTPError):
                urlopen(Request(f"{address}/{name}", b"{}"))


def test_free_ports_are_different() -> None:
    """Each once."""
    assert len(set(free_ports(5))) == 5


def test_tables_become_toml_and_come_back() -> None:
    """Names and texts that need quotes, tables in lists."""
    import tomllib

    table = {"a": 1, "b c": 'x "y"', "l": [{"t": True}], "t": {"*": "leave", "n": {"k": [1, "ü"]}}}

    assert tomllib.loads(toml_text(table)) == table
