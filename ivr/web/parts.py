"""What pages and API lean on, built once for the process. Everything here is the same the command line uses."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import HTTPConnection

from ivr.agent_desk import AgentDesk
from ivr.announce.publish import Publisher
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.desk.audit import Audit
from ivr.desk.users import Users
from ivr.desk.web_sessions import WebSessions
from ivr.errors import PeerError
from ivr.floor import Lookout
from ivr.record.store import Records
from ivr.settings import Settings
from ivr.web.rates import LoginLimits
from ivr.web.watching import Watching
from routing.errors import RoutingError
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

    @cached_property
    def users(self) -> Users:
        return Users(self.database)

    @cached_property
    def sessions(self) -> WebSessions:
        return WebSessions(self.database)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.database)

    @cached_property
    def logins(self) -> LoginLimits:
        return LoginLimits()

    @cached_property
    def watching(self) -> Watching:
        return Watching(Lookout(self.settings, self.database, self.router))

    @cached_property
    def agent_desk(self) -> AgentDesk:
        return AgentDesk(self.agents, self.settings, self.routed)

    async def routed(self, do: Callable[[Router], Awaitable[Any]]) -> Any:
        """Do something with the router. Raises PeerError when it does not answer."""
        try:
            return await do(self.router)
        except RoutingError as error:
            raise PeerError(str(error)) from error

    async def close(self) -> None:
        """Close every connection."""
        if "watching" in self.__dict__:
            await self.watching.close()
        await self.router.close()
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
        settings, database, redis, Publisher(database, settings, redis),
        Router(redis, controller_id=f"web-{secrets.token_hex(4)}"), Records(database), Agents(database),
    )  # fmt: skip


def parts_of(request: HTTPConnection) -> Parts:
    """Return the parts of the process that answers `request`; a dependency of every route."""
    found: Parts = request.app.state.parts
    return found
