"""Pictures of call flows as SVG, placed by the real Graphviz. ivr/graphviz.py, ivr/flow/drawing/svg.py."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from ivr import graphviz, native
from ivr.errors import ConfigError
from ivr.flow.drawing.draw import draw, reached
from ivr.flow.drawing.picture import Picture, dot
from ivr.flow.drawing.svg import svg
from ivr.flow.drawing.ways import Ways
from ivr.flow.load import load, prompt_texts
from ivr.flow.model import Dialplans, Step
from ivr.settings import PROJECT
from tests.support.flows import dialplans
from tests.test_flow_draw import SMALL, two_flows

XML = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('&\"]]>\\n</text></svg>\u202e\x1b[31m\ud7ff"


def drawn(picture: Picture) -> ET.Element:
    return ET.fromstring(svg(picture, graphviz.place(dot(picture))))


def titles(root: ET.Element) -> dict[str, str]:
    """Return the tooltip of each step."""
    groups = (each for each in root.iter(f"{XML}g") if "data-step" in each.attrib)
    return {each.attrib["data-step"]: each.findtext(f"{XML}title") or "" for each in groups}


def test_every_step_of_the_shipped_flows_is_in_the_picture() -> None:
    """Well-formed, each step once with a tooltip, each arrow, sizes and view box; Polish words as they are."""
    folder, texts = PROJECT / "dialplans", prompt_texts(PROJECT / "prompts")
    plans = load(folder, {key for said in texts.values() for key in said})
    picture = draw(plans, tuple(plans.flows), texts)
    root = drawn(picture)
    steps = {f"{flow.name}.{step}" for flow in plans.flows.values() for step in flow.steps}
    arrows = [each for each in root.iter(f"{XML}g") if "data-from" in each.attrib]

    assert steps <= titles(root).keys()
    assert all(titles(root)[step] for step in steps)
    assert len(picture.arrows) == len(arrows)
    assert f"0 0 {root.attrib['width']} {root.attrib['height']}" == root.attrib["viewBox"]
    assert "“Dzień dobry, dziękujemy za" in [each.text for each in root.iter(f"{XML}text")]


def test_everything_lies_within_the_sheet() -> None:
    """No card, frame or label sticks out."""
    plans = two_flows()
    root = drawn(draw(plans, reached(plans, ["main"]), ways=Ways("now", {"v": 1}, {("main", "hello"): 1})))
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])

    for rect in root.iter(f"{XML}rect"):
        x, y, w, h = (float(rect.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= wide
        assert y + h <= high


def test_the_same_flow_gives_the_same_bytes() -> None:
    """So that a page can keep it."""
    picture = draw(dialplans(SMALL), ["main"])

    assert svg(picture, graphviz.place(dot(picture))) == svg(picture, graphviz.place(dot(picture)))


def hostile() -> Dialplans:
    plans = dialplans(SMALL)
    number = replace(plans.numbers["100"], name=HOSTILE, number=HOSTILE, language=HOSTILE)
    odd = Step(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: "bye"}, "bye")
    say = Step("say", "say", {"prompt": (HOSTILE,)}, {}, HOSTILE)
    flow = replace(
        plans.flows["main"], title=HOSTILE, name=HOSTILE, start="say",
        steps=MappingProxyType({**plans.flows["main"].steps, "say": say, HOSTILE: odd}),
    )  # fmt: skip
    return replace(plans, flows={HOSTILE: flow}, numbers={"1": replace(number, flow=HOSTILE)}, version=HOSTILE)


def test_hostile_texts_stay_texts() -> None:
    """Names, titles, prompts of any characters: well-formed, no element of theirs, no control character."""
    plans = hostile()
    picture = draw(plans, [HOSTILE], {"pl": {HOSTILE: HOSTILE * 50}}, Ways("<b>", {HOSTILE: 3}))
    text = svg(picture, graphviz.place(dot(picture)))
    root = ET.fromstring(text)

    assert {"svg", "title", "g", "path", "rect", "text", "circle"} == {
        each.tag.removeprefix(XML) for each in root.iter()
    }
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert not re.search(r"\s(\w+:)?(href|src|onload|style)=|url\(|<!|<\?", text)


@pytest.fixture
def fake_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dot that does what the test writes into it."""
    file = tmp_path / "dot"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    monkeypatch.setattr(native, "program", lambda _: [str(file)])
    monkeypatch.setattr(graphviz, "PATIENCE_S", 0.5)
    return file


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'Error: <stdin>: syntax error in line 3' >&2; exit 1", "failed: Error: <stdin>: syntax error in line 3"),
        ("exit 3", "failed: it ended with 3"),
        ("cat > /dev/null; echo nothing", "gave no picture"),
        ("cat > /dev/null; echo '[1]'", "gave no picture"),
        ("exec tail -f /dev/null", "was not ready after 0 s: draw one flow, not all"),
    ],
)
def test_a_dot_that_fails_is_told_in_one_line(fake_dot: Path, script: str, expected: str) -> None:
    """What it said, how it ended, or that it takes too long."""
    fake_dot.write_text(f"#!/bin/sh\n{script}\n")

    with pytest.raises(ConfigError) as raised:
        graphviz.place("digraph {}")
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_dot_that_is_gone_is_told(fake_dot: Path) -> None:
    """Removed since it was found."""
    fake_dot.unlink()

    with pytest.raises(ConfigError, match="cannot be started: No such file"):
        graphviz.place("digraph {}")


def test_the_largest_flow_is_placed_in_time() -> None:
    """500 steps, each with two ways."""
    plans = dialplans(SMALL)
    steps = {f"s{n}": Step(f"s{n}", "hours", {"calendar": "office"}, {"closed": f"s{n // 2}"}, f"s{min(n + 1, 499)}")
             for n in range(500)}  # fmt: skip
    flow = replace(plans.flows["main"], steps=steps, start="s0", rescue="s0")
    root = drawn(draw(replace(plans, flows={"main": flow}), ["main"]))

    assert 501 == len(titles(root))
