"""The READMEs are true: every command in them runs, every link leads somewhere.

Commands in blocks are run in the order of each page against one running hotline, or named in COVERED_BY with the
test that runs them. Commands within sentences are checked against the real options; targets against the Makefile.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from ivr.app import load_dialplans
from ivr.cli import cli
from ivr.settings import PROJECT, load
from ivr.setup import ready_line
from tests.support.hotline import Hotline

PAGES = sorted(
    {*PROJECT.glob("*.md"), *PROJECT.glob("*/README.md"), *PROJECT.glob("prompts/*.md"), *PROJECT.glob("docs/**/*.md")},
    key=lambda page: (page.name != "README.md", page.parent != PROJECT, page),
)
COVERED_BY = {
    "make run": "tests/test_make.py::test_a_call_is_answered_once_it_is_ready",
    "make demo": "tests/test_demo.py::test_the_demo_ends_as_it_should_and_leaves_nothing",
}
RUNNABLE = ("ivr", "make")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Written:
    """One command as a page has it."""

    page: Path
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}: {self.text}"

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def plain(self) -> str:
        """The command without its comment."""
        return " ".join(self.words)


def in_blocks(page: Path) -> list[Written]:
    """Commands of `sh` blocks: every line; of blocks without a language: lines that begin as a command does."""
    found = []
    for language, body in FENCE.findall(page.read_text()):
        for line in body.replace("\\\n", " ").splitlines():
            first = line.split(" ", 1)[0]
            if (language == "sh" and line.strip() and first != "#") or (not language and first in RUNNABLE):
                found.append(Written(page, line.strip()))
    return found


def in_sentences(page: Path) -> list[Written]:
    """Commands in code spans."""
    prose = FENCE.sub("", page.read_text())
    return [Written(page, text) for text in SPAN.findall(prose) if text.split(" ", 1)[0] in RUNNABLE and " " in text]


BLOCKS = [each for page in PAGES for each in in_blocks(page)]
SENTENCES = [each for page in PAGES for each in in_sentences(page)]
TO_RUN = [each for each in BLOCKS if each.plain not in COVERED_BY]


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    running = Hotline(tmp_path_factory.mktemp("readme"))
    try:
        running.start()
        running.start_web()
        yield running
    finally:
        running.stop()


@pytest.mark.real
@pytest.mark.timeout(400)
@pytest.mark.parametrize("command", TO_RUN, ids=str)
def test_a_command_of_a_page_works(hotline: Hotline, command: Written) -> None:
    """Typed as it stands there, after those before it: exit status 0 and no traceback."""
    assert command.words[0] in RUNNABLE, f"{command}: neither run here nor in COVERED_BY"
    words = [announcement(hotline) if word == "ID" else word for word in command.words]
    if words[0] == "ivr":
        run = hotline.cli(*words[1:], check=False, timeout_s=90)
    else:
        run = subprocess.run(words, cwd=PROJECT, env=hotline.environment, capture_output=True, text=True, timeout=120,
                             check=False)

    assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
    assert "Traceback" not in run.stderr


@pytest.mark.real
@pytest.mark.timeout(400)
def test_the_announcement_of_the_page_is_live_until_it_is_ended(hotline: Hotline) -> None:
    """What the README posts is listed; `ivr announce end ID` takes it off."""
    found = announcement(hotline)
    hotline.cli("announce", "end", found)

    assert found not in hotline.cli("announce", "list").stdout


def announcement(hotline: Hotline) -> str:
    """Return the id of the newest live announcement."""
    rows = [line.split("\t") for line in hotline.cli("announce", "list").stdout.splitlines()]
    assert len(rows) > 1, rows
    return rows[1][0]


def test_commands_were_found() -> None:
    """The test reads what it thinks it reads."""
    assert {"README.md", "dialplans/README.md"} <= {str(each.page.relative_to(PROJECT)) for each in BLOCKS}
    assert len(TO_RUN) > 15
    assert len(SENTENCES) > 15


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    """COVERED_BY names commands that pages have and tests that exist."""
    written = {each.plain for each in BLOCKS}
    for command, test in COVERED_BY.items():
        file, name = test.split("::")

        assert command in written
        assert f"def {name}(" in (PROJECT / file).read_text(), test


@pytest.mark.parametrize("command", [c for c in SENTENCES if c.words[0] == "ivr"], ids=str)
def test_a_command_in_a_sentence_exists(command: Written) -> None:
    """Its subcommands and options are real."""
    words = [word for word in command.words[1:] if word not in ("...", "…")]
    group: click.Command = cli
    context = click.Context(cli, info_name="ivr")
    while words and isinstance(group, click.Group):
        found = group.get_command(context, words[0])
        assert found is not None, f"{command}: no {words[0]}"
        group, words = found, words[1:]
    if words or not isinstance(group, click.Group):
        group.make_context("ivr", words, resilient_parsing=True)


@pytest.mark.parametrize(
    "target", sorted({each.words[1] for each in BLOCKS + SENTENCES if each.words[0] == "make"}), ids=str
)
def test_a_make_target_exists(target: str) -> None:
    """`make -n` accepts it."""
    run = subprocess.run(["make", "-n", target], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)

    assert run.returncode == 0, run.stderr


def test_every_make_target_is_listed_by_make_help() -> None:
    """`make` alone lists each target once with what it does."""
    makefile = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    listed = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=True).stdout

    assert sorted(phony[1].split()) == sorted(re.findall(r"^  make ([a-z-]+) +\S", listed, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files exist, headings too; nothing points outside the project."""
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith(("https://", "http://")):
            continue
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page

        assert target.is_relative_to(PROJECT), link
        assert target.exists(), f"{page}: {link}"
        if heading:
            assert heading in headings(target), f"{page}: {link}"


def headings(page: Path) -> set[str]:
    """Return the anchors a page's headings get."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_ready_line_is_the_one_make_run_prints() -> None:
    """The README shows its beginning as it is with the settings' defaults."""
    shown = next(line for _, body in FENCE.findall((PROJECT / "README.md").read_text())
                 for line in body.splitlines() if line.startswith("ready: "))
    settings = load(host="127.0.0.1", sip_port=5060)
    real = ready_line(settings, load_dialplans(settings).numbers)

    assert real.startswith(shown.removesuffix("…"))
