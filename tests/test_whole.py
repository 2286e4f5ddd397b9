"""A second chance alone: for what passes then, not for what fails again, not for many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole import ALONE_MOST, run

ONCE = """
import pathlib
def test_once():
    seen = pathlib.Path("seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""


def _run(folder: Path, text: str) -> int:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_some.py").write_text(text)
    return run(["-q"], beside=(), cwd=folder)


def test_what_passes_alone_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = _run(tmp_path, ONCE)

    assert status == 0
    assert capfd.readouterr().out.endswith("passed only alone, the rest beside others:\n  test_some.py::test_once\n")


def test_what_fails_again_fails(tmp_path: Path) -> None:
    assert _run(tmp_path, "def test_never(): assert False\n") == 1


def test_many_failures_are_no_accident(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """None of them runs again."""
    many = f"import pytest\n@pytest.mark.parametrize('n', range({ALONE_MOST + 1}))\ndef test_it(n): assert False\n"

    assert _run(tmp_path, many) == 1
    assert "alone" not in capfd.readouterr().out
