"""How generated tests run (at random where people work, always the same where CI=true), and which tests begin."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("random", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady" if os.environ.get("CI") else "random")

FIRST = ("calls", "web", "interop", "asterisk", "redis")  # what waits for real time; the rest fills up at the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that last long, so that no worker is left alone with one of them."""
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=place)
