"""docs/api.md is true: every command in it, typed as it stands there, does what the page says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.access import Who
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from ivr.desk.web_sessions import WebSessions
from ivr.settings import PROJECT
from tests.support.hotline import Hotline

PAGE = PROJECT / "docs/api.md"
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
DAY = "2026-12-01"


async def prepare(web: Hotline) -> str:
    """Return a token of ops; there are customers, and the district of the page is few of them."""
    database = Database(web.settings)
    rows = [Customer(f"+4858{n:07}", "", "", "pl/pomorskie/sopot") for n in range(900)]
    await Customers(database, web.settings)._write(rows, None)
    _, token = await WebSessions(database).add_token("docs", ("ops",), Who("admin", ("admin",)), datetime.now(UTC))
    await database.close()
    return token


@pytest.mark.timeout(300)
def test_every_command_of_the_page_works(web: Hotline, tmp_path: Path) -> None:
    """List, publish, change, restore; with the id of what was published, and a day that is to come."""
    token = asyncio.run(prepare(web))
    setting, *commands = "\n".join(BLOCKS).replace("TOKEN=...", f"TOKEN={token}").split("curl -s")
    setting = setting.replace("http://127.0.0.1:8460", web.page)
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    found, answers = "", []
    for command in commands:
        script = f"{setting}\ncurl -sS --fail-with-body {command}".replace(DAY, tomorrow)
        run = subprocess.run(["bash", "-eu", "-c", re.sub(r"\bID\b", found, script)], capture_output=True, text=True,
                             timeout=60, check=False, cwd=tmp_path, env={"PATH": os.environ["PATH"]})  # fmt: skip
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
        answer = json.loads(run.stdout)
        answers.append(answer)
        if isinstance(answer, dict):
            found = answer["announcement"]["id"]

    assert isinstance(answers[0], list)
    assert ["live", "live", "restored"] == [each["announcement"]["state"] for each in answers[1:]]
    assert [1, 2, 3] == [each["announcement"]["version"] for each in answers[1:]]
    assert answers[2]["announcement"]["eta"].startswith(f"{tomorrow}T18:30")
