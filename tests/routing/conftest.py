"""A real Redis for all tests of this folder, and a routing group on virtual time in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from tests.support.redis import real_redis
from tests.support.routing_group import Group


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis nobody else uses; each group empties it first."""
    with asyncio.Runner() as runner:
        server = real_redis(tmp_path_factory.mktemp("routing"))
        redis = runner.run(server.__aenter__())
        yield redis.url
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
def group(redis_url: str, caplog: pytest.LogCaptureFixture) -> Iterator[Group]:
    """A group in which nothing goes wrong by itself: all rules hold at every step, those of liveness too."""
    caplog.set_level(logging.CRITICAL)
    group = Group(0, redis_url)
    group.calm = True
    yield group
    group.loop.close()
