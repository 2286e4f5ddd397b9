"""The whole proof of the routing engine, with its counts: `python -m tests.routing.proof [long]` (make test-routing).

Two at a time: the scripts beside the plain model, interleavings with faults, the faults of other systems; then the
mutation table. `long` makes a million model steps instead, and hundreds of interleavings, without the table: about
half an hour.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, run

from tests.routing import mutations

STEPS_A_LIFE = 50
AT_ONCE = 2


@dataclass(frozen=True)
class Part:
    """One run of pytest. variables  of its environment."""

    name: str
    tests: str
    variables: Mapping[str, int]
    seed: int = 0


def parts(*, long: bool) -> list[Part]:
    """Return what is run, longest first."""
    lives, orders = (19_000, 600) if long else (450, 120)
    half, share = lives // AT_ONCE, orders // AT_ONCE
    model = [Part("scripts beside the model", mutations.TESTS["model"],
                  {"HOTLINE_MODEL_LIVES": half, "HOTLINE_MODEL_STEPS": STEPS_A_LIFE}, seed)
             for seed in range(1, AT_ONCE + 1)]
    lots = [Part("controllers interleaved", mutations.TESTS["orders"],
                 {"HOTLINE_INTERLEAVINGS": share, "HOTLINE_INTERLEAVINGS_FROM": 1 + n * share})
            for n in range(AT_ONCE)]
    return [*model, *lots, Part("a fault at every await", mutations.TESTS["awaits"], {"HOTLINE_EVERY": 1}),
            Part("faults of other systems", mutations.TESTS["others"], {}),
            Part("whose turn it is", mutations.TESTS["turns"], {}),
            Part("one fault at a time", mutations.TESTS["network"], {})]


def prove(part: Part) -> tuple[dict[str, float], str]:
    """Run a part; return its counts, and pytest's output when it failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        names = {name: str(value) for name, value in part.variables.items()}
        environment = {**os.environ, **names, "HOTLINE_MODEL_COUNTS": str(counts)}
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--hypothesis-seed={part.seed}",
                 *part.tests.split()]
        done = run(words, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        found = read_counts(counts)
    found.setdefault("violations", 0 if done.returncode == 0 else 1)
    found["seconds"] = time.monotonic() - began
    return found, "" if done.returncode == 0 else done.stdout


def read_counts(file: Path) -> dict[str, float]:
    """Return what a part counted: a line of JSON, or `steps seconds` from the stateful test."""
    found: dict[str, float] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        counts = json.loads(line) if line.startswith("{") else {"steps": int(line.split()[0])}
        for name, value in counts.items():
            if name != "what":
                found[name] = found.get(name, 0) + value
    return found


def main(kind: str = "") -> int:
    """Print the counts; 0 when nothing was violated and every seeded bug was caught."""
    columns = ("steps", "interleavings", "requests", "violations", "seconds")
    sums: dict[str, dict[str, float]] = {}
    failed = ""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        chosen = parts(long=kind == "long")
        for part, (counts, output) in zip(chosen, pool.map(prove, chosen), strict=True):
            done = ", ".join(f"{value:,.0f} {name}" for name, value in counts.items())
            print(f"{part.name}: {done}", file=sys.stderr, flush=True)  # noqa: T201
            row = sums.setdefault(part.name, {})
            for name, value in counts.items():
                row[name] = row.get(name, 0) + value
            failed += output
    print(f"{'':26}" + "".join(f"{name:>15}" for name in columns))  # noqa: T201
    for name, row in sums.items():
        print(f"{name:26}" + "".join(f"{row.get(column, 0):15,.0f}" for column in columns))  # noqa: T201
    print(failed[-20_000:], end="")  # noqa: T201
    code = 0 if kind == "long" else mutations.main()
    return int(bool(failed)) or code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
