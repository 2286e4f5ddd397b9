"""Seed bugs into copies of the routing package; each must turn a test red. `python -m tests.routing.mutations [WORD]`.

The table is mutations.toml. A bug that breaks the language proves nothing, so what is changed must still load; and the
copy without any change must be green. WORD runs only those whose name has it.
"""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, run

import redis

from tests.support.redis import real_redis

PROJECT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("mutations.toml")
TESTS = {
    "model": "tests/redis/test_scripts_agree.py::test_scripts_agree_with_the_model",
    "orders": "tests/routing/test_interleavings.py::test_whatever_the_order_the_invariants_hold",
    "others": "tests/routing/test_faults_of_others.py",
    "turns": "tests/routing/test_turns.py"
    " tests/redis/test_scripts_agree.py::test_an_offer_its_agent_cannot_take_any_more_goes_to_another",
    "awaits": "tests/routing/test_every_await.py",
    "network": "tests/routing/test_bad_network.py",
}
SHORT = {"CI": "true", "HOTLINE_MODEL_LIVES": "200", "HOTLINE_MODEL_STEPS": "50", "HOTLINE_INTERLEAVINGS": "60"}
LONGEST_S = 300
AT_ONCE = 2


@dataclass(frozen=True)
class Mutation:
    """One seeded bug. caught  which tests see it."""

    name: str
    file: str
    was: str
    becomes: str
    caught: str


def table() -> list[Mutation]:
    """Return the seeded bugs, in the order of the file."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(row["name"], row["file"], row["was"], row["is"], row["caught"]) for row in rows]


def mutated(mutation: Mutation) -> str:
    """Return the changed file; the text must be there exactly once."""
    text = (PROJECT / "routing" / mutation.file).read_text(encoding="utf-8")
    found = text.count(mutation.was)
    assert found == 1, f"{mutation.name}: {mutation.was!r} is {found} times in routing/{mutation.file}, expected once"
    return text.replace(mutation.was, mutation.becomes)


def copy_to(folder: Path, mutation: Mutation | None) -> None:
    """Make a copy of what the tests need, with the bug in it."""
    shutil.copytree(PROJECT / "routing", folder / "routing", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    (folder / "ivr").symlink_to(PROJECT / "ivr")
    if mutation:
        (folder / "routing" / mutation.file).write_text(mutated(mutation), encoding="utf-8")


def outcome(mutation: Mutation, url: str) -> tuple[str, float]:
    """Return `caught`, or what is wrong, and the seconds it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hotline-mutation-") as name:
        folder = Path(name)
        copy_to(folder, mutation)
        if broken := not_loading(folder, mutation, url):
            return f"does not load: {broken}", time.monotonic() - began
        code, output = pytest(folder, TESTS[mutation.caught])
    said = {0: "SURVIVED", 1: "caught"}.get(code, f"pytest ended with {code}: {output[-300:]}")
    return said, time.monotonic() - began


def not_loading(folder: Path, mutation: Mutation, url: str) -> str:
    """Return why the changed package does not even load, '' when it does."""
    if mutation.file.endswith(".py"):
        ast.parse((folder / "routing" / mutation.file).read_text(encoding="utf-8"))
        return ""
    listing = "from routing.scripts import load; print(*(script.text for script in load().values()), sep='\\0', end='')"
    found = run([sys.executable, "-c", listing], cwd=folder, env=environment(folder), stdin=DEVNULL, stdout=PIPE,
                text=True, check=True)
    with redis.Redis.from_url(url) as client:
        for text in found.stdout.split("\0"):
            try:
                client.script_load(text)
            except redis.ResponseError as error:
                return str(error)
    return ""


def environment(folder: Path) -> dict[str, str]:
    return os.environ | SHORT | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def pytest(folder: Path, tests: str) -> tuple[int, str]:
    """Run tests in a copy; return the exit code and what was printed."""
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"--timeout={LONGEST_S}",
             "--basetemp", str(folder / "tmp"), *tests.split()]
    done = run(words, cwd=folder, env=environment(folder), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True,
               check=False)
    return done.returncode, done.stdout


def unchanged() -> str:
    """Return '' when the copy without a bug is green, and it is the copy that is tested."""
    with tempfile.TemporaryDirectory(prefix="hotline-mutation-") as name:
        folder = Path(name)
        copy_to(folder, None)
        where = run([sys.executable, "-c", "import routing; print(routing.__file__)"], cwd=folder,
                    env=environment(folder), stdout=PIPE, text=True, check=True).stdout
        if not where.startswith(name):
            return f"tests would run {where.strip()}, not the copy"
        code, output = pytest(folder, " ".join(TESTS.values()))
        return "" if code == 0 else f"the package without a bug is red:\n{output[-2000:]}"


def main(word: str = "") -> int:
    """Run the table; print one line a bug and the sum. Returns the exit code."""
    began = time.monotonic()
    chosen = [mutation for mutation in table() if word in mutation.name]
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner, ThreadPoolExecutor(AT_ONCE) as pool:
        server = real_redis(Path(folder))
        address = runner.run(server.__aenter__())
        green = pool.submit(unchanged)
        found = [(mutation, pool.submit(outcome, mutation, address.url)) for mutation in chosen]
        caught = 0
        for mutation, waiting in found:
            said, seconds = waiting.result()
            caught += said == "caught"
            print(f"{said:9} {seconds:5.1f} s  {mutation.caught:6} {mutation.name}", flush=True)  # noqa: T201
        wrong = green.result()
        runner.run(server.__aexit__(None, None, None))
    print(wrong or "without a bug: green")  # noqa: T201
    print(f"mutations caught: {caught}/{len(chosen)} in {time.monotonic() - began:.0f} s")  # noqa: T201
    return int(caught < len(chosen) or bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
