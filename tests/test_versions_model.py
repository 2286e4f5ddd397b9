"""Versions: what they are made of, which call follows which, what the history tells, how two differ."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.errors import ConfigError
from ivr.flow.load import read_version
from ivr.versions.compare import alike, changes, difference, words_changed
from ivr.versions.folder import read_folder
from ivr.versions.model import (
    CANARY,
    ENDED,
    LIVE,
    ROLLED_BACK,
    Change,
    Content,
    in_share,
    previous,
    prompts_of,
    since,
    state_of,
    told,
)
from tests.support.desk import NOW
from tests.support.flows import MENU, NUMBERS, WAIT, WELCOME, dialplans, text
from tests.support.versions import content, spoil, versions_settings, write

CALLS = [f"hotline-5060-{n}.{n}" for n in range(10_000)]


def line(number: int, version: str, state: str = LIVE, canary: str = "", share: float = 0.0) -> Change:
    return Change(number, state, version, f"p-{version}", NOW, "anna", "", canary, canary and f"p-{canary}", share)


def test_a_share_of_the_calls_tries_a_canary() -> None:
    """About so many, the same ones at every controller, others for another canary."""
    tried = {call for call in CALLS if in_share(call, "aaa", 10)}
    others = {call for call in CALLS if in_share(call, "bbb", 10)}

    assert 850 < len(tried) < 1150
    assert tried == {call for call in CALLS if in_share(call, "aaa", 10)}
    assert len(tried & others) < 200
    assert tried < {call for call in CALLS if in_share(call, "aaa", 50)}


@pytest.mark.parametrize(
    ("history", "back"),
    [
        ((), ""),
        ((line(1, "a"),), ""),
        ((line(1, "a"), line(2, "b")), "a"),
        ((line(1, "a"), line(2, "b"), line(3, "c"), line(4, "b", ROLLED_BACK, "c")), "a"),
        ((line(1, "a"), line(2, "b"), line(3, "a")), "b"),
        ((line(1, "a"), line(2, "b"), line(3, "a"), line(4, "b", ROLLED_BACK, "a")), "a"),
        ((line(1, "a"), line(2, "a", CANARY, "b", 10), line(3, "b")), "a"),
        ((line(1, "a"), line(2, "a", CANARY, "b", 10), line(3, "a", ROLLED_BACK, "b")), ""),
    ],
)
def test_going_back_twice_is_two_steps(history: tuple[Change, ...], back: str) -> None:
    """A version that was rolled back is never what one goes back to."""

    assert (back, back and f"p-{back}") == previous(history)


def test_other_recordings_are_a_step_of_their_own() -> None:
    """The same words, another prompt index: going back undoes just that."""
    one, two, three = line(1, "a"), line(2, "b"), replace(line(3, "b"), prompts="p-b2")
    back = replace(line(4, "b", ROLLED_BACK, "b"), prompts="p-b")

    assert ("b", "p-b") == previous((one, two, three))
    assert ("a", "p-a") == previous((one, two, three, back))
    assert ["b live with other recordings", "b back to its old recordings"] == [told(three, two), told(back, three)]


def test_the_history_is_told_in_words() -> None:
    """What each line did, and since when a version is what it is."""
    made = [
        line(1, "a"), line(2, "a", CANARY, "b", 10), line(3, "b"), line(4, "a", ROLLED_BACK, "b"),
        line(5, "a", CANARY, "c", 5), line(6, "a", ROLLED_BACK, "c"), line(7, "a", CANARY, "d", 5),
        line(8, "a", ENDED, "d"), line(9, "b"),
    ]  # fmt: skip
    history = [replace(each, at=NOW + timedelta(minutes=each.number)) for each in made]

    assert [
        "a live", "b tried on 10 %", "b promoted", "b rolled back, a live", "c tried on 5 %", "c rolled back",
        "d tried on 5 %", "d no longer tried", "b live",
    ] == [told(each, before) for each, before in zip(history, [None, *history], strict=False)]  # fmt: skip
    assert [4, 9, 5, 7] == [(at - NOW).seconds // 60 for at in (since(v, history) for v in "abcd") if at]
    assert None is since("x", history)


def test_every_version_has_a_state() -> None:
    """By the last thing that happened to it."""
    history = (line(1, "a"), line(2, "b"), line(3, "b", CANARY, "c", 5), line(4, "b", ROLLED_BACK, "c"))
    trying = (*history, line(5, "b", CANARY, "d", 5))

    assert ["was live", "live", "rolled back", "never live"] == [state_of(v, history) for v in "abcd"]
    assert ["live", "canary"] == [state_of(v, trying) for v in "bd"]
    assert "canary ended" == state_of("d", (*trying, line(6, "b", ENDED, "d")))
    assert ["p-a", "p-d", ""] == [prompts_of(v, trying) for v in ("a", "d", "x")]


def test_a_version_is_built_without_its_folder(tmp_path: Path) -> None:
    """Its files and the prompts of its time are enough."""
    settings = versions_settings(tmp_path)
    found = content(settings)
    loaded, _ = read_folder(settings)

    assert loaded == found.build()
    flows = {name for name in found.files if not name.startswith("prompts/")}
    assert {"numbers.toml", "queues.toml", "hours.toml", "flows/main.toml"} == flows
    assert {"prompts/shared/pl.toml", "prompts/shared/en.toml"} <= set(found.files) - flows
    with pytest.raises(ConfigError, match="there is no prompt"):
        replace(found, prompt_keys=()).build()


def test_the_wording_of_the_folder_is_part_of_the_version(tmp_path: Path) -> None:
    """Another word, the folder's own or one that all share, is another version, though the flows are the same."""
    settings = versions_settings(tmp_path)
    plain = content(settings).version
    shared = tmp_path / "shared"
    shutil.copytree(settings.prompts_dir, shared, ignore=shutil.ignore_patterns("audio"))
    other = settings.model_copy(update={"prompts": shared})
    same = read_folder(other)[1].version
    file = shared / "pl.toml"
    file.write_text(file.read_text() + 'spoken_anew = "Nowe."\n')
    anew = read_folder(other)[1].version
    wording = settings.dialplans_dir / "prompts" / "pl.toml"
    wording.parent.mkdir()
    wording.write_text('[prompts]\nhello = "Dzień dobry."\n')
    one = read_folder(settings)[1]
    wording.write_text('[prompts]\nhello = "Witamy."\n')
    two = read_folder(settings)[1]

    assert plain == same
    assert 4 == len({plain, anew, one.version, two.version})
    assert two.version == read_version(settings.dialplans_dir, *settings.prompt_dirs)
    assert one.version == one.build().version
    assert "prompts/pl.toml" in one.files


def test_a_broken_folder_is_no_version(tmp_path: Path) -> None:
    """Every mistake is named."""
    settings = versions_settings(tmp_path)
    write(settings, numbers=NUMBERS.replace('"main"', '"maim"'))
    spoil(settings)

    with pytest.raises(ConfigError) as caught:
        read_folder(settings)
    assert 2 <= len(caught.value.findings)


def test_changes_are_told_in_words() -> None:
    """Steps by flow with the keys that differ, then everything else by name."""
    before = dialplans(text(WELCOME + MENU + WAIT))
    after = dialplans(
        text((WELCOME + MENU).replace('on.1 = "wait"', 'on.1 = "bye"\ntries = 5') + '[steps.bye]\nkind = "hangup"\n'),
        numbers=NUMBERS + '[numbers.101]\nflow = "main"\nlanguage = "en"\n',
    )

    assert [
        "flow main: steps: bye added, menu changed (tries, on.1), wait removed", "numbers: 101 added"
    ] == changes(before, after)  # fmt: skip
    assert [] == changes(before, before)


def test_files_are_compared_line_by_line() -> None:
    """A unified diff; a file only one side has is compared with nothing."""
    found = difference({"a.toml": "x\ny\n"}, {"a.toml": "x\nz\n", "b.toml": "new\n"}, ("v1", "dialplans"))

    assert ["--- v1/a.toml", "+++ dialplans/a.toml", "@@ -1,2 +1,2 @@", " x", "-y", "+z"] == found[:6]
    assert ["--- /dev/null", "+++ dialplans/b.toml", "@@ -0,0 +1 @@", "+new"] == found[6:]
    assert [] == difference({"a": "x"}, {"a": "x"}, ("1", "2"))


def test_changed_words_are_named() -> None:
    """By language and key; the folder's own win; a version of older software, without shared words, says nothing."""
    old = {"a.toml": "x", "prompts/shared/pl.toml": '[prompts]\nhi = "Cześć"\nbye = "Pa"\n'}
    new = {**old, "prompts/shared/pl.toml": '[prompts]\nhi = "Witamy"\nbye = "Do widzenia"\n',
           "prompts/pl.toml": '[prompts]\nbye = "Pa"\nmore = "Więcej"\n'}  # fmt: skip

    assert ["pl/hi", "pl/more"] == words_changed(old, new)
    assert [] == words_changed({"a.toml": "x"}, old)
    assert ({"a.toml": "x"}, {"a.toml": "x"}) == alike({"a.toml": "x"}, old)


def test_content_holds_text_exactly(tmp_path: Path) -> None:
    """Line ends and letters of every language come back as they were: the hash depends on it."""
    settings = versions_settings(tmp_path)
    write(settings)
    file = settings.dialplans_dir / "flows" / "main.toml"
    file.write_bytes(b"# \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n" + file.read_bytes())
    loaded, found = read_folder(settings)

    assert isinstance(found, Content)
    assert file.read_bytes() == found.files["flows/main.toml"].encode()
    assert loaded.version == found.build().version
