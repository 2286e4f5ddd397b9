"""Write results of scenarios as JUnit XML, which every CI shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ivr.errors import InputError
from ivr.flow.scenario import Scenario

Case = tuple[Scenario, Sequence[str], float]
"""A scenario, what failed, and how many seconds it took."""


def write(file: Path, cases: Sequence[Case]) -> None:
    """Write `cases` to `file`. Raises InputError when it cannot be written."""
    suite = ElementTree.Element(
        "testsuite", name="scenarios", tests=str(len(cases)), failures=str(sum(bool(wrong) for _, wrong, _ in cases)),
        time=f"{sum(seconds for *_, seconds in cases):.3f}",
    )  # fmt: skip
    for scenario, wrong, seconds in cases:
        source = scenario.source
        case = ElementTree.SubElement(
            suite, "testcase", name=scenario.name, classname=source.file.stem, file=str(source.file),
            line=str(source.line("scenarios", scenario.name) or 0), time=f"{seconds:.3f}",
        )  # fmt: skip
        if wrong:
            ElementTree.SubElement(case, "failure", message=wrong[0].splitlines()[0]).text = "\n".join(wrong)
    try:
        ElementTree.ElementTree(suite).write(file, encoding="unicode", xml_declaration=True)
    except OSError as error:
        raise InputError(f"--junit {file}: cannot be written: {error.strerror or error}") from error
