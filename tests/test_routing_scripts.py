"""Headers of the scripts are their contract, and it is kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from routing import keys, scripts
from routing.errors import BadArgument, QueueFull, RoutingError, from_reply
from routing.model import AgentProfile, Need, Plan, Step
from routing.rules import read_class


def test_every_header_names_what_its_script_takes_answers_and_refuses() -> None:
    """Arguments, errors and callers of each script agree with its header."""
    assert scripts.check_headers() == []


@pytest.mark.parametrize(("change", "finding"), [
    (lambda s: re.sub("-- Reply  .*\n", "", s), "expected a purpose"),
    (lambda s: s.replace("ARGV[3] token ", "ARGV[4] token "), "ARGV are numbered [1, 2, 4"),
    (lambda s: s.replace("call_id, token, ", "token, call_id, "), "the body unpacks"),
    (lambda s: s.replace("-- Errors  STALE_OFFER", "-- Errors  none:"), "it answers the errors ['STALE_OFFER']"),
    (lambda s: s.replace("STALE_OFFER", "NO_SUCH_NAME"), "NO_SUCH_NAME is not in routing/errors.py"),
    (lambda s: s.replace("first_reply(request_id)", "nil"), "does not look for a first reply"),
    (lambda s: s.replace("#!lua flags=allow-oom", "-- no shebang"), "line 1 is"),
])
def test_a_wrong_header_is_found(change: object, finding: str) -> None:
    """Each rule of the check can fail."""
    source = change((scripts.FOLDER / "offer_refuse.lua").read_text())  # type: ignore[operator]
    script = scripts.Script("offer_refuse", source, tuple(re.findall(r"^-- ARGV\[\d+\] (\w+)", source, re.M)))

    assert any(finding in text for text in scripts._header_findings(source, script))


def test_a_call_without_its_argument_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("async def f(s):\n    await s.run('offer_accept', call_id='1')\n")
    monkeypatch.setattr(scripts, "_callers", lambda: [("caller.py:2", "offer_accept", {"call_id"})])

    assert "caller.py:2: offer_accept takes ['call_id', 'token'], gets ['call_id']" in scripts.check_headers()


def test_includes_come_once_and_before_their_use() -> None:
    for script in scripts.load().values():
        assert "-- @" not in script.text
        assert script.text.count("local function key(") == 1


def test_names_of_classes_and_groups_read_back() -> None:
    assert keys.root("main") == "hotline:{main}"
    plan = Plan(Need("pl & internet>=3").of_project("acme"), (Step(60, Need("internet"), Need("pl"), 5),
                Step(90, priority=3), Step(120, Need("tv<=4"), skip_if_nobody=False, lend="b")), order="weighted")
    name = keys.class_name(plan, 7, emergency=True)
    assert name == ("0:internet>=3&pl>=1&project/acme>=1|60000!:internet>=1?pl>=1|120000^b:tv<=4"
                    "@1:7:100:1:60000+5,90000+8/weighted60000")
    assert (keys.class_need(name), keys.class_priority(name)) == ("internet>=3&pl>=1&project/acme>=1", 7)
    cls = read_class(name)
    assert [(r.after_ms, r.skip, r.lend, str(r.need), str(r.prefer or "")) for r in cls.rings] == [
        (0, False, "", "internet>=3&pl>=1&project/acme>=1", ""), (60_000, True, "", "internet>=1", "pl>=1"),
        (120_000, False, "b", "tv<=4", "")]
    assert (cls.tier, cls.priority, cls.ageing, cls.bonuses, cls.order, cls.weight_ms) == (
        1, 7, 1, ((60_000, 5), (90_000, 8)), "weighted", 60_000)
    assert keys.group_name({"tv": 1, "internet": 3}) == "internet=3,tv=1"
    assert keys.group_name({}) == "-"
    for skills in ({}, {"pl": 10}, {"a.b-c/d_e": 1, "z": 2}):
        assert keys.group_skills(keys.group_name(skills)) == skills


@pytest.mark.parametrize("group", ["", "a b", "{x}", "a:b", "a" * 65])
def test_a_group_that_could_leave_its_hash_tag_is_refused(group: str) -> None:
    with pytest.raises(BadArgument):
        keys.root(group)


@pytest.mark.parametrize(("wrong", "named"), [
    ({"agent_id": "a b"}, "agent_id"), ({"ring_s": 0}, "ring_s"), ({"wrap_up_s": -1}, "wrap_up_s"),
    ({"skills": {"Net": 1}}, "skill"), ({"skills": {"net": 0}}, "level"),
    ({"skills": {f"s{n}": 1 for n in range(65)}}, "65 skills"), ({"ring_s": float("nan")}, "ring_s"),
])
def test_a_wrong_profile_is_refused_with_its_name(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(BadArgument, match=named):
        AgentProfile(**{"agent_id": "a", "endpoint": "e", **wrong})  # type: ignore[arg-type]


def test_errors_of_scripts_have_words() -> None:
    error = from_reply("QUEUE_FULL support")

    assert isinstance(error, QueueFull)
    assert isinstance(error, RoutingError)
    assert str(error) == "queue support is full"
    assert from_reply("ERR unknown command") is None
