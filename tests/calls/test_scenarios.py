"""Scenarios over real telephony, and a real call made into a scenario."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.phone.phone import PhoneCall, Phones
from ivr.settings import PROJECT
from tests.calls.conftest import OUTSIDE, heard_names, last_call, wait_until
from tests.support.hotline import Hotline

NAMES = ("outage_in_wola", "outage_but_another_problem", "nobody_signed_in", "back_to_the_menu", "reception_busy")
LONGEST_S = 420


@pytest.mark.timeout(LONGEST_S + 60)
def test_scenarios_come_true_on_real_phones(hotline: Hotline, tmp_path: Path) -> None:
    """Announcement, keys in the middle of it, nobody signed in, a key while waiting, a busy phone; by what is heard."""
    run = subprocess.run(
        [sys.executable, "-m", "ivr", "dialplan", "test", "--real", "--json", *NAMES, "support_is_full"],
        env=hotline.environment, cwd=PROJECT, capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    told = json.loads(run.stdout)

    assert told["ok"], run.stdout + run.stderr
    assert sorted(each["name"] for each in told["scenarios"]) == sorted(NAMES)
    assert list(told["not_real"]) == ["support_is_full"]


async def test_a_real_call_becomes_a_scenario_that_comes_true(hotline: Hotline, phones: Phones, tmp_path: Path) -> None:
    """A wrong key, another language, hung up in the menu: the pure flow goes the same way."""
    call = await phones.call("100", from_number=OUTSIDE)
    assert await call.wait_answered()
    for heard_first, key in (("pl/main_menu", "5"), ("pl/invalid_key", "9"), ("language_pl", "3")):
        await _hears(hotline, call, heard_first)
        await call.send_keys(key)
    await _hears(hotline, call, "en/main_menu")
    await call.hang_up()
    record = await last_call(hotline, OUTSIDE)
    folder = tmp_path / "dialplans"
    shutil.copytree(PROJECT / "dialplans", folder, ignore=shutil.ignore_patterns("scenarios", "samples"))
    (folder / "scenarios").mkdir()
    found = hotline.cli("call", "show", record.call_id, "--as-scenario")
    (folder / "scenarios" / "real.toml").write_text(found.stdout)
    run = hotline.cli("dialplan", "test", "--dialplans", str(folder), check=False)

    assert found.stderr == ""
    assert OUTSIDE not in found.stdout
    assert '"main.menu", "main.language", "main.english", "main.menu"]' in found.stdout
    assert run.stdout.startswith("ok "), run.stdout + found.stdout


async def _hears(hotline: Hotline, call: PhoneCall, name: str) -> None:
    async def heard() -> bool:
        names = await asyncio.to_thread(heard_names, hotline, call.heard)
        return any(name in each for each in names)

    await wait_until(heard, f"{name} was heard", 40)
