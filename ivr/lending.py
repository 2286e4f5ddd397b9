"""The guard of lent agents: a project lends its agents only while its own service level holds.

`guard` is pure: the same figures give the same answer on every controller, so each may tell the router. Called
by `app.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr import log
from ivr.flow.model import QueueConfig
from routing.errors import RoutingError
from routing.router import Router

logger = log.logger(__name__)

Level = Callable[[str, float], float | None]
"""(queue, target_s) -> share of its recent callers answered within the target, None while too few are known."""
MARGIN = 0.05  # lends again only when the level is so much above the target: no coming and going at the edge


def lenders(queues: Mapping[str, QueueConfig]) -> frozenset[str]:
    """Return the projects some queue borrows agents of."""
    return frozenset(relax.lend for queue in queues.values() for relax in queue.relax if relax.lend)


def guard(project: str, queues: Mapping[str, QueueConfig], level: Level, *, lends: bool) -> bool:
    """May `project` lend agents: do all its queues with a service level hold it? lends  it does so far.

    A queue with too few callers to tell holds it.
    """
    margin = 0.0 if lends else MARGIN
    for queue in queues.values():
        wanted = queue.service_level
        if queue.project != project or wanted is None:
            continue
        reached = level(queue.name, wanted.target_s)
        if reached is not None and reached < min(1.0, wanted.percent / 100 + margin):
            return False
    return True


class Lending:
    """What this controller last told the router of each project."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._told: dict[str, bool] = {}

    async def look(self, queues: Mapping[str, QueueConfig]) -> None:
        """Look at every project agents are borrowed of; tell the router when one begins or ends to lend."""
        for project in sorted(lenders(queues)):
            before = self._told.get(project)
            lends = guard(project, queues, self._router.measure.service_level, lends=before is not False)
            if lends == before:
                continue
            try:
                await self._router.lend(project, lends)
            except RoutingError as error:
                logger.warning("lending not told to the router", project=project, lends=lends, error=str(error))
                continue
            self._told[project] = lends
            if before is not None:
                logger.info("lending changed", project=project, lends=lends)

    def forget(self) -> None:
        """Redis came back empty: tell it again."""
        self._told.clear()
