"""The running hotline's router, for one command. Called by `ivr agent`, `ivr queue`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ivr.errors import PeerError
from ivr.settings import Settings

if TYPE_CHECKING:
    from routing.router import Router

T = TypeVar("T")


async def routed(settings: Settings, do: Callable[[Router], Awaitable[T]]) -> T:
    """Do something with the router of the hotline's Redis. Raises PeerError with what to do."""
    from redis.asyncio import Redis

    from routing.errors import RoutingError
    from routing.router import Router

    redis = Redis.from_url(settings.redis_address, socket_timeout=1.0, socket_connect_timeout=1.0,
                           decode_responses=True)  # fmt: skip
    router = Router(redis, controller_id=f"cli-{uuid.uuid4().hex[:8]}")
    try:
        return await do(router)
    except RoutingError as error:
        raise PeerError(f"{error}; is the hotline running? `make run`") from error
    finally:
        await router.close()
        await redis.aclose()
