"""Importing agents: every mistake by line, all or nothing, PINs and phones of new ones told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.desk.agent_file import import_agents, read_csv
from ivr.desk.agents import Agent, Agents, Change
from ivr.errors import ConfigError, InputError
from tests.support.desk import desk_settings, opened

ALL = """id,name,skills,projects,languages,roster,pin,ring_s,wrap_up_s
anna,Anna Nowak,internet:7 billing,acme provider,pl ru,"mon-fri 08:00-16:00, sat 09:00-13:00",4711,15,5
"""


@pytest.fixture
async def agents(tmp_path: Path) -> AsyncIterator[Agents]:
    async with opened(desk_settings(tmp_path)) as database:
        yield Agents(database)


def written(folder: Path, content: str) -> Path:
    file = folder / "agents.csv"
    file.write_text(content)
    return file


def mistakes(folder: Path, content: str) -> list[str]:
    return [str(finding).removeprefix(f"{folder}/agents.csv:") for finding in read_csv(written(folder, content))[1]]


async def test_a_new_agent_has_all_of_his_row(agents: Agents, tmp_path: Path) -> None:
    """And a phone, and the PIN he was given."""
    done = (await import_agents(agents, written(tmp_path, ALL))).done
    anna = await agents.get("anna")

    assert anna == Agent(
        "anna", "Anna Nowak", anna.endpoint, anna.sip_password, anna.pin_hash, {"internet": 7, "billing": 5}, 15, 5,
        ("acme", "provider"), ("pl", "ru"), "mon-fri 08:00-16:00, sat 09:00-13:00",
    )  # fmt: skip
    assert [(anna, "4711")] == [(added.agent, added.pin) for added in done.added]
    assert await agents.check_pin("anna", "4711")


async def test_the_same_file_twice_changes_nothing(agents: Agents, tmp_path: Path) -> None:
    """Even the stored PIN stays: it is the same one."""
    file = written(tmp_path, ALL)
    await import_agents(agents, file)
    before = await agents.list()
    done = (await import_agents(agents, file)).done

    assert ((), (), 1) == (done.added, done.changed, done.same)
    assert before == await agents.list()


async def test_a_column_that_is_not_there_changes_nothing(agents: Agents, tmp_path: Path) -> None:
    """An empty one takes away, except name, PIN and times."""
    await import_agents(agents, written(tmp_path, ALL))
    before = await agents.get("anna")
    await import_agents(agents, written(tmp_path, "id,skills\nanna,tv:2\n"))
    less = await agents.get("anna")
    await import_agents(agents, written(tmp_path, ALL.splitlines()[0] + "\nanna,,tv:2,,,,,,\n"))

    assert less == replace(before, skills={"tv": 2})
    assert await agents.get("anna") == replace(less, projects=(), languages=(), roster="")


async def test_a_new_agent_without_a_pin_gets_one(agents: Agents, tmp_path: Path) -> None:
    """Six digits; his name is his id."""
    done = (await import_agents(agents, written(tmp_path, "skills;id\ninternet:3, tv;ola\n"))).done

    assert (6, "ola", {"internet": 3, "tv": 5}) == (
        len(done.added[0].pin), done.added[0].agent.name, done.added[0].agent.skills,
    )  # fmt: skip
    assert await agents.check_pin("ola", done.added[0].pin)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id,skills\nanna,internet:99\n", "2: skills: skill 'internet:99': level '99'; expected a number from 1 to 10"),
        ("id,skills\nanna,tv tv:3\n", "2: skills: skill 'tv' is given twice"),
        ("id,skills\nanna,\n", "2: agent anna has no skill"),
        ("id,skills\nanna,project/acme\n", "2: skills: skill 'project/acme': a project is given as such"),
        ("id,skills\nAnna Nowak,tv\n", "2: agent id 'Anna Nowak': expected up to 40"),
        ("id,skills\n,tv\n", "2: agent id ''"),
        ("id,skills\nanna,tv\nanna,tv\n", "3: id: anna is already in line 2; expected each agent once"),
        ("id,skills,projects\nanna,tv,Ac-me\n", "2: projects: project 'ac-me': expected small letters"),
        ("id,skills,languages\nanna,tv,pl xx\n", "2: languages: language 'xx': expected one of pl, ru, en"),
        ("id,skills,roster\nanna,tv,mon-fry 08:00-16:00\n", "2: working hours 'mon-fry': no such weekday; expected"),
        ("id,skills,roster\nanna,tv,mon 8-16\n", "2: working hours '8-16': not written as HH:MM-HH:MM"),
        ("id,skills,roster\nanna,tv,mon\n", "2: working hours 'mon': expected days and hours such as"),
        ('id,skills,roster\nanna,tv,"mon 08:00-10:00, mon-fri 09:00-11:00"\n', "2: working hours mon is given twice"),
        ("id,skills,roster\nanna,tv,mon 08:00-12:00 11:00-13:00\n", "2: working hours 'mon 08:00-12:00 11:00-13:00': "
                                                                    "two spans overlap"),
        ("id,skills,pin\nanna,tv,12\n", "2: a PIN is entered on a phone: expected 4 to 8 digits"),
        ("id,skills,ring_s\nanna,tv,soon\n", "2: ring_s: 'soon' is not a whole number of seconds"),
        ("id,skills,ring_s\nanna,tv,3\n", "2: ring time 3 s; expected 5 to 120"),
        ("id,skills\nanna\n", "2: 1 values for 2 columns"),
    ],
)  # fmt: skip
def test_each_mistake_names_its_line(tmp_path: Path, content: str, expected: str) -> None:
    """And its column where there is one."""
    assert [expected] == [line[: len(expected)] for line in mistakes(tmp_path, content)]


def test_a_wrong_header_is_refused(tmp_path: Path) -> None:
    """With the nearest column."""
    with pytest.raises(ConfigError, match=r"unknown column 'skils'.*did you mean 'skills'(.|\n)*'skills' is missing"):
        read_csv(written(tmp_path, "id,skils\nanna,tv\n"))


async def test_bad_rows_stop_the_import_or_are_left_out(agents: Agents, tmp_path: Path) -> None:
    """All or nothing, unless they are to be skipped."""
    file = written(tmp_path, "id,skills\nanna,tv\nola,tv:x\n")
    with pytest.raises(ConfigError, match=r":3: skills: skill 'tv:x'"):
        await import_agents(agents, file)
    none = await agents.list()
    done = await import_agents(agents, file, skip_bad=True)

    assert () == none
    assert (1, 1) == (len(done.done.added), len(done.skipped))
    assert ["anna"] == [agent.agent_id for agent in await agents.list()]


async def test_what_the_guard_refuses_is_not_written(agents: Agents, tmp_path: Path) -> None:
    """It sees all agents before and after, and stops the whole file."""
    await agents.add("ola", skills={"tv": 5})
    seen: list[list[dict[str, int]]] = []

    def guard(*both: object) -> None:
        seen.extend([dict(agent.skills) for agent in agents] for agents in both)  # type: ignore[attr-defined]
        raise InputError("nothing was saved")

    with pytest.raises(InputError, match="nothing was saved"):
        await import_agents(agents, written(tmp_path, "id,skills\nanna,tv\nola,billing\n"), guard=guard)

    assert [[{"tv": 5}], [{"billing": 5}, {"tv": 5}]] == [seen[0], sorted(seen[1], key=str)]
    assert [{"tv": 5}] == [agent.skills for agent in await agents.list()]


async def test_a_change_leaves_the_rest(agents: Agents) -> None:
    """Only what is given is replaced."""
    before = (await agents.add("anna", skills={"tv": 5}, languages=("pl",), roster="mon 08:00-16:00")).agent
    after = await agents.change("anna", Change(projects=("acme",), ring_s=30))

    assert replace(before, projects=("acme",), ring_s=30) == after
