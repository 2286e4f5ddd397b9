"""ivr/desk/staffing.py: agents of the database against the dialplans, in the check and before saving."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.desk.agents import Agents, Change
from ivr.desk.staffing import check_staffing, watch
from ivr.errors import ConfigError, InputError
from ivr.flow.load import load, prompt_keys
from ivr.flow.model import Dialplans
from ivr.settings import PROJECT, Settings
from tests.support.desk import desk_settings, opened, take_away


@pytest.fixture
def conf(tmp_path: Path) -> Settings:
    """A copy of the project's dialplans in which callers of support have no way out but an agent."""
    shutil.copytree(PROJECT / "dialplans", tmp_path / "dialplans")
    for file in (tmp_path / "dialplans" / "flows").glob("*.toml"):
        kept = [line for line in file.read_text().splitlines() if not line.startswith("on.nobody")]
        file.write_text("\n".join(kept) + "\n")
    return desk_settings(tmp_path, dialplans=tmp_path / "dialplans")


@pytest.fixture
async def agents(conf: Settings) -> AsyncIterator[Agents]:
    async with opened(conf) as database:
        yield Agents(database)


def dialplans(conf: Settings) -> Dialplans:
    return load(conf.dialplans_dir, prompt_keys(conf.prompts_dir))


async def test_holes_are_findings_with_file_and_line(conf: Settings, agents: Agents) -> None:
    """Where a caller would find nobody and no way out; where something takes him it is a note."""
    await agents.add("anna", skills={"internet": 5}, roster="mon-fri 08:00-20:00", languages=("pl",))
    found = await check_staffing(conf, dialplans(conf))
    file = conf.dialplans_dir / "queues.toml"
    line = file.read_text().splitlines().index("[queues.support]") + 1

    assert [(file, line)] == [(finding.file, finding.line) for finding in found.findings]
    assert str(found.findings[0]).startswith(
        f"{file}:{line}: queues.support: nobody can answer for callers who speak en, pl, ru "
        "on mon-fri 00:00-08:00 20:00-24:00, sat-sun 00:00-24:00 (asked for: internet>=3 or internet>=1); expected"
    )
    assert {"billing", "sales"} == {note.split()[1].strip(":") for note in found.notes}
    assert any('overflow = "callback" takes those callers' in note for note in found.notes)


async def test_agents_at_any_hour_leave_no_finding(conf: Settings, agents: Agents) -> None:
    """Without working hours somebody counts as there."""
    await agents.add("anna", skills={"internet": 5})

    assert () == (await check_staffing(conf, dialplans(conf))).findings


async def test_without_agents_or_database_it_is_said(conf: Settings, agents: Agents) -> None:
    """A fresh checkout passes its check."""
    empty = await check_staffing(conf, dialplans(conf))
    await agents.database.close()
    take_away(conf)
    broken = await check_staffing(conf, dialplans(conf))

    assert (("whether somebody can answer was not checked: no agent has been added",), ()) == (
        empty.notes, empty.findings,
    )  # fmt: skip
    assert "was not checked: the database" in broken.notes[0]


async def test_the_last_who_can_answer_stays(conf: Settings, agents: Agents) -> None:
    """Neither skills, nor hours, nor the agent himself go, unless it is meant."""
    await agents.add("anna", skills={"internet": 5})
    guard = watch(conf)
    for change in (Change(skills={"tv": 5}), Change(roster="mon 08:00-16:00")):
        with pytest.raises(InputError, match=r"nothing was saved: queue support: nobody can answer .*--anyway"):
            await agents.change("anna", change, guard)
    with pytest.raises(InputError, match="queue support"):
        await agents.remove("anna", guard)
    unchanged = await agents.get("anna")
    meant = watch(conf, refuse=False)
    await agents.remove("anna", meant)

    assert ({"internet": 5}, "") == (unchanged.skills, unchanged.roster)
    lost = "queue support: nobody can answer for callers who speak en, pl, ru at any hour"
    assert any(lost in note for note in meant.notes)
    assert () == await agents.list()


async def test_what_makes_nothing_worse_is_saved(conf: Settings, agents: Agents) -> None:
    """Holes that were there before do not stop anybody."""
    await agents.add("anna", skills={"internet": 5}, roster="mon 08:00-12:00")
    guard = watch(conf)
    changed = await agents.change("anna", Change(roster="mon 08:00-16:00"), guard)

    assert "mon 08:00-16:00" == changed.roster
    assert [] == guard.notes


def test_dialplans_with_mistakes_cannot_be_watched(conf: Settings) -> None:
    """The caller decides what to do then."""
    (conf.dialplans_dir / "queues.toml").write_text("x = 1\n")
    with pytest.raises(ConfigError):
        watch(conf)
