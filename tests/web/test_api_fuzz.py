"""Schemathesis sends the API what its own description allows and what it does not: never an answer of 500 and above.

HOTLINE_FUZZ=n sends up to n examples per operation instead of the few of an ordinary run.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.access import ADMIN, Who
from ivr.db import Database
from ivr.desk.web_sessions import WebSessions
from tests.support.believable import fill
from tests.support.hotline import Hotline
from tests.web.conftest import web_of_its_own

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
EXAMPLES = int(os.environ.get("HOTLINE_FUZZ", "5"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """One of its own: passwords are changed here, and users."""
    with web_of_its_own(tmp_path_factory.mktemp("fuzzed")) as running:
        fill(running)
        yield running


async def token(hotline: Hotline) -> str:
    """Return a token that may do everything."""
    database = Database(hotline.settings)
    try:
        who = Who("admin", (ADMIN,))
        return (await WebSessions(database).add_token("fuzz", [ADMIN], who, datetime.now(UTC)))[1]
    finally:
        await database.close()


def test_no_operation_answers_with_a_server_error(filled: Hotline, tmp_path: Path) -> None:
    """Each operation of the description, as an admin, with good values and bad ones."""
    secret = asyncio.run(token(filled))
    run = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", f"{filled.page}/openapi.json", "--checks",
         "not_a_server_error", "--max-examples", str(EXAMPLES), "--header", f"Authorization: Bearer {secret}",
         "--phases", "examples,coverage,fuzzing", "--seed", "5", "--workers", "1", "--no-color",
         "--request-timeout", "30", "--suppress-health-check", "all"],
        cwd=tmp_path, capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip

    assert run.returncode == 0, f"{run.stdout[-6000:]}\n{run.stderr[-1000:]}"
    assert "Tested" in run.stdout or "passed" in run.stdout
