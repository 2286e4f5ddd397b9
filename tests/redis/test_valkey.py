"""The same routing on a Valkey server, when this machine has one or its package was brought before."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support.redis import real_redis
from tests.support.router_life import live_through_everything
from tests.support.routers import router
from tests.support.valkey import known_valkey

pytestmark = pytest.mark.real


async def test_a_life_on_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation of Router. `HOTLINE_TEST_SERVER=valkey pytest tests/redis` runs every test so."""
    known_valkey()
    monkeypatch.setenv("HOTLINE_TEST_SERVER", "valkey")
    async with real_redis(tmp_path) as server, contextlib.aclosing(server.client()) as client:
        assert "valkey_version" in await client.info("server")
        async with router(server) as it:
            await live_through_everything(it)
