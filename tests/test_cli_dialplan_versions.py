"""`ivr dialplan versions`, `diff`, `rollback`, `promote`, `reload --share`: what they print, and what they refuse."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import reload as reloading
from ivr.call import Call
from ivr.cli import dialplan_versions as module
from ivr.errors import InputError
from ivr.record.store import Records
from ivr.settings import Settings
from ivr.versions.folder import read_folder
from ivr.versions.model import Change
from ivr.versions.publish import Publisher
from ivr.versions.store import Versions
from tests.support.desk import NOW, opened
from tests.support.versions import content, spoil, versions_settings, write


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a database; Asterisk's configuration is left alone."""
    conf = versions_settings(tmp_path)
    monkeypatch.setattr(module, "settings", lambda: conf)
    monkeypatch.setattr(reloading, "_write_and_reload", lambda *_: None)
    write(conf)
    return conf


def run(name: str, *words: str) -> Result:
    (command,) = [each for each in module.COMMANDS if each.name == name]
    return CliRunner().invoke(command, list(words))


def publish(conf: Settings, step: str, share: float | None = None, calls: tuple[str, ...] = ()) -> str:
    """Make a version live, or try it; its calls end so."""

    async def main() -> str:
        made = content(conf, step)
        async with opened(conf) as database:
            await Publisher(database).publish(made, "", author="anna", note=f"with {step}", share=share)
            records = Records(database)
            for n, disposition in enumerate(calls):
                records.begin(Call(f"{step}.{n}", "", "100", ""), NOW, flow_version=made.version).finish(disposition)
            await records.flush()
        return made.version

    return asyncio.run(main())


def test_versions_are_listed_with_what_their_calls_did(conf: Settings) -> None:
    """Newest first; what is live and what is tried by share; the draft when it is another."""
    one = publish(conf, "one", calls=("agent", "failed", "abandoned"))
    two = publish(conf, "two", share=12.5, calls=("hung_up",))
    rows = [line.split("\t") for line in run("versions").stdout.splitlines()]
    write(conf, "three")
    told = run("versions", "--json")
    listed = json.loads(told.stdout)

    assert [two, "anna", "canary", "12.5 %", "1", "0", "1", "with two"] == [rows[1][0], *rows[1][2:]]
    assert [one, "anna", "live", "87.5 %", "3", "1", "1", "with one"] == [rows[2][0], *rows[2][2:]]
    assert ["canary", "live"] == [each["state"] for each in listed["versions"]]
    assert "dialplans/ holds changes that are not live: ivr dialplan reload" == listed["pending"]


def test_differences_are_shown_line_by_line(conf: Settings) -> None:
    """Between what is live and the folder, a version and the folder, and two versions."""
    one = publish(conf, "one")
    two = publish(conf, "two")
    write(conf, "three")
    live, older, both = run("diff"), run("diff", one[:6]), run("diff", one, two)

    assert f"--- {two}/flows/main.toml" == live.stdout.splitlines()[0]
    assert "+++ dialplans/flows/main.toml" in live.stdout
    assert ["-[steps.one]", "+[steps.three]"] == [
        line for line in older.stdout.splitlines() if line[1:].startswith("[steps")
    ]
    assert "+[steps.two]" in both.stdout
    assert f"{two} and {two} are the same\n" == run("diff", two, two).stderr


@pytest.fixture
def worded(conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with words of their own; a reload renders nothing, and counts the indexes."""
    shared, indexes = tmp_path / "words", iter(range(1, 99))
    shutil.copytree(conf.prompts_dir, shared, ignore=shutil.ignore_patterns("audio"))
    worded = conf.model_copy(update={"prompts": shared})
    monkeypatch.setattr(module, "settings", lambda: worded)
    monkeypatch.setattr(reloading, "_render", lambda *_: (f"index{next(indexes)}", []))
    return worded


def say(conf: Settings, key: str, words: str) -> None:
    """Change one prompt."""
    file = conf.prompts_dir / "pl.toml"
    (old,) = [line for line in file.read_text().splitlines() if line.startswith(f"{key} =")]
    file.write_text(file.read_text().replace(old, f'{key} = "{words}"'))


def live(conf: Settings) -> Change:
    async def main() -> Change | None:
        async with opened(conf) as database:
            return await Versions(database).last()

    last = asyncio.run(main())
    assert last is not None
    return last


def test_other_words_are_another_version(worded: Settings) -> None:
    """Reloaded, shown line by line, taken back with the recordings they had; the flows stay."""
    write(worded, "one")
    flows = publish(worded, "one")
    run("reload", "--author", "anna")
    before = live(worded)
    say(worded, "welcome", "Witamy serdecznie.")
    tried, shown = run("reload", "--dry-run").stdout, run("diff").stdout
    run("reload", "--author", "anna", "--note", "warmer")
    after = live(worded)
    back = run("rollback", "--note", "too warm").stdout
    listed = run("versions").stdout.splitlines()[-3:]

    assert "  prompts: pl/welcome new or changed" in tried.splitlines()
    assert '+welcome = "Witamy serdecznie."' in shown
    assert (flows, "index1") == (before.version, before.prompts)
    assert after.version != before.version
    assert (before.version, "index1") == (live(worded).version, live(worded).prompts)
    assert f"version {before.version} is live for every new call; {after.version} is rolled back\n" == back
    assert [
        ["anna", f"{before.version} live with other recordings", ""], ["anna", f"{after.version} live", "warmer"],
    ] == [line.split("\t")[1:] for line in listed[:2]]  # fmt: skip
    assert [f"{after.version} rolled back, {before.version} live", "too warm"] == listed[2].split("\t")[2:]


def test_other_words_are_tried_on_a_share(worded: Settings) -> None:
    """Two versions that are told apart."""
    write(worded, "one")
    run("reload")
    before = live(worded)
    say(worded, "welcome", "Witamy serdecznie.")
    told = run("reload", "--share", "10%").stdout

    assert before.version != live(worded).canary
    assert f"version {live(worded).canary} is tried on 10 % of new calls, {before.version} has the others" in told


def test_another_folder_is_reloaded_and_compared(worded: Settings, tmp_path: Path) -> None:
    """--dialplans DIR: its content is published, the usual folder is left as it is."""
    write(worded, "one")
    run("reload")
    draft = worded.model_copy(update={"dialplans": tmp_path / "draft"})
    write(draft, "two")
    shown = run("diff", "--dialplans", str(draft.dialplans_dir)).stdout
    run("reload", "--dialplans", str(draft.dialplans_dir))

    assert "+++ draft/flows/main.toml" in shown
    assert read_folder(draft)[1].version == live(worded).version


def test_mistakes_are_marked_and_nothing_changes(worded: Settings) -> None:
    """As `check` shows them; the last line says what stays."""
    write(worded, "one")
    run("reload")
    spoil(worded)
    done = run("reload")

    assert 1 == done.exit_code
    assert "^^^^^" in done.stderr
    assert f"nothing changed, version {live(worded).version} stays live" == done.stderr.splitlines()[-1]


def test_a_trial_is_promoted_or_ended(conf: Settings) -> None:
    """Each says which version every new call follows now, and that no controller runs."""
    one = publish(conf, "one")
    two = publish(conf, "two", share=10)
    ended = run("rollback", "--note", "too long")
    publish(conf, "two", share=10)
    promoted = run("promote")
    back = run("rollback")

    assert f"version {one} is live for every new call; {two} is no longer tried\n" == ended.stdout
    assert f"version {two} is live for every new call\n" == promoted.stdout
    assert f"version {one} is live for every new call; {two} is rolled back\n" == back.stdout
    assert "Redis cannot be reached" in back.stderr


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("reload", "--share", "much"), "'much' is no share of the calls; expected more than 0 and less than 100"),
        (("reload", "--share", "100%"), "'100%' is no share"),
        (("reload", "--share", "0"), "'0' is no share"),
        (("promote",), "no version is tried on a share of calls"),
        (("rollback",), "nothing is live yet"),
        (("diff",), "nothing is live yet"),
        (("diff", "abc"), "there is no version 'abc'"),
    ],
)
def test_what_cannot_be_done_is_said(conf: Settings, words: tuple[str, ...], wrong: str) -> None:
    """One line; nothing is changed."""
    error = run(*words).exception

    assert isinstance(error, InputError)
    assert wrong in str(error)


def test_nothing_live_yet(conf: Settings) -> None:
    """An empty table."""

    assert 1 == len(run("versions").stdout.splitlines())
