"""What pages and API lean on, built once for the process. Everything here is the same the command line uses."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import HTTPConnection

from ivr.announce.publish import Publisher
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.record.store import Records
from ivr.settings import Settings
from routing.router import Router


@dataclass
class Parts:
    """One web process's connections. router  looks and commands; it holds no call."""

    settings: Settings
    database: Database
    redis: Redis
    publisher: Publisher
    router: Router
    records: Records
    agents: Agents

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.aclose()
        await self.database.close()


def build(settings: Settings) -> Parts:
    """Return the parts; connects to nothing yet."""
    database = Database(settings)
    redis = Redis.from_url(
        settings.redis_address, socket_timeout=1.0, socket_connect_timeout=1.0, decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    return Parts(
        settings, database, redis, Publisher(database, settings, redis), Router(redis, controller_id=f"web-{secrets.token_hex(4)}"),
        Records(database), Agents(database),
    )  # fmt: skip


def parts_of(request: HTTPConnection) -> Parts:
    """Return the parts of the process that answers `request`; a dependency of every route."""
    found: Parts = request.app.state.parts
    return found
