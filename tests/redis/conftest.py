"""A real Redis of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.redis import RealRedis, real_redis


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RealRedis]:
    async with real_redis(tmp_path) as server:
        yield server
