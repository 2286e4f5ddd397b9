"""The picture of a stored version: its own words, counts on the arrows, names that are nearly right. ivr/picture.py."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.errors import InputError
from ivr.flow.drawing.ways import Ways
from ivr.picture import counted, flows_of, picture, spoken
from ivr.settings import PROJECT, load
from ivr.versions.folder import read_folder
from ivr.versions.model import Content
from tests.support.desk import NOW, desk_settings, opened

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.fixture(scope="module")
def content() -> Content:
    """The provider's flows, as they would be stored."""
    return read_folder(load(dialplans=PROJECT / "dialplans", prompts=PROJECT / "prompts"))[1]


async def test_a_number_is_drawn_with_the_flow_it_leads_to_and_counts(content: Content) -> None:
    """The SVG names the flow's steps and writes how many took a way."""
    dialplans = content.build()
    flow = dialplans.flows[dialplans.numbers["100"].flow]
    ways = Ways("today", {"v": 4321}, {(flow.name, flow.start): 4321})

    svg = await picture(content, ["100"], ways)

    assert svg.startswith("<svg")
    assert all(f'data-step="{flow.name}.{step}"' in svg for step in flow.steps)
    assert re.search(r"4\W?321", svg)


async def test_the_words_are_those_of_the_version(content: Content) -> None:
    """Not those of the folder today: a stored version is drawn as it was."""
    said = spoken(content)
    shared = next(name for name in content.files if name.endswith("shared/en.toml"))
    changed = Content("x", {**content.files, shared: content.files[shared].replace(said["en"]["welcome"], "Ahoy.")}, ())

    assert "Ahoy." == spoken(changed)["en"]["welcome"]
    assert {"pl", "ru", "en"} <= set(said)


def test_a_name_that_is_nearly_right_is_told(content: Content) -> None:
    dialplans = content.build()

    with pytest.raises(InputError, match="did you mean 'main'"):
        flows_of(dialplans, ["mian"])
    assert tuple(dialplans.flows) == flows_of(dialplans, [])


async def test_counts_of_a_period_that_is_none_are_refused(tmp_path: Path) -> None:
    async with opened(desk_settings(tmp_path)) as database:
        with pytest.raises(InputError, match="no period"):
            await counted(database, "someday", NOW, WARSAW)
        assert 0 == (await counted(database, "today", NOW, WARSAW)).total
