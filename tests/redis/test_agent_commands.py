"""The agent commands over a real Redis: what `ivr agent list` says after each of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr import asterisk
from ivr.cli import agent
from ivr.cli.at_once import routed
from tests.support.desk import desk_settings
from tests.support.redis import real_redis

pytestmark = pytest.mark.real


async def test_agents_sign_in_pause_and_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """out, ready, paused with the reason, ready, out; and an unknown agent stops before anything is done."""
    async with real_redis(tmp_path) as server:
        conf = desk_settings(tmp_path, redis_url=server.url)
        monkeypatch.setattr(agent, "settings", lambda: conf)
        for name in ("render_phones", "reload_phones"):
            monkeypatch.setattr(asterisk, name, lambda *_: None)

        async def run(*words: str) -> str:
            result = await asyncio.to_thread(CliRunner().invoke, agent.command, list(words))
            return str(result.exception) if result.exception else result.stdout

        async def state() -> str:
            return (await run("list")).splitlines()[1].split("\t")[4]

        await run("add", "anna", "--skill", "internet:5")
        states = [await state()]
        for words in ("in anna", "pause anna --reason lunch", "pause anna --end", "out anna"):
            await run(*words.split())
            states.append(await state())
        refused = await run("in", "anna", "hanna")
        after = await state()

    assert ["out", "ready", "paused: lunch", "ready", "out"] == states
    assert "there is no agent 'hanna'; did you mean 'anna'?" == refused
    assert "out" == after


async def test_an_edit_acts_at_once_on_who_is_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New skills, projects and languages are what the router knows; who is out stays out; his pause stays."""
    async with real_redis(tmp_path) as server:
        conf = desk_settings(tmp_path, redis_url=server.url)
        monkeypatch.setattr(agent, "settings", lambda: conf)
        for name in ("render_phones", "reload_phones"):
            monkeypatch.setattr(asterisk, name, lambda *_: None)

        async def run(*words: str) -> str:
            result = await asyncio.to_thread(CliRunner().invoke, agent.command, list(words))
            assert result.exception is None
            return result.stderr

        async def known() -> dict[str, tuple[str, dict[str, int]]]:
            snapshot = await routed(conf, lambda router: router.snapshot())
            return {view.agent_id: (view.status, dict(view.skills)) for view in snapshot.agents}

        for agent_id in ("anna", "ola"):
            await run("add", agent_id, "--skill", "internet:5")
        await run("in", "anna")
        await run("pause", "anna")
        file = tmp_path / "agents.csv"
        file.write_text("id,skills,languages\nanna,internet:5 billing:2,ru\nola,tv:1,\n")
        told = await run("edit", "anna", "--skill", "internet:8", "--project", "acme", "--language", "pl")
        edited = await known()
        imported = await run("import", str(file))

        assert {"anna": ("paused", {"internet": 8, "lang/pl": 10, "project/acme": 1})} == edited
        assert "anna is signed in: it acts at once" in told
        assert "ola is signed in" not in imported
        assert ("paused", {"internet": 5, "billing": 2, "lang/ru": 10, "project/acme": 1}) == (await known())["anna"]
