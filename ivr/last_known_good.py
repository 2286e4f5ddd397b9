"""Write the live announcements into Asterisk, so that its ladder can play them without a controller.

One global variable per number, HOTLINE_LKG_<number> = `<expiry epoch>|<stem>&<stem>`, written through AMI after
every change and every reconnect (docs/decisions/0003). Asterisk checks the expiry itself. Called by
`app.py` and `announce/live.py` (on_change).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import log
from ivr.ami.client import AmiClient
from ivr.announce.live import Live
from ivr.errors import PeerError

if TYPE_CHECKING:
    from ivr.session import Parts

logger = log.logger(__name__)

VARIABLE = "HOTLINE_LKG_"
MOST = 3  # announcements a caller of the ladder hears


class LastKnownGood:
    """The copy of the live announcements that outlives the controller."""

    def __init__(self, ami: AmiClient, live: Live, parts: Parts) -> None:
        self.ami, self.live, self.parts = ami, live, parts

    async def write(self) -> None:
        """Write the value of every number; a lost AMI link is logged, the next reconnect writes again."""
        for number in self.parts.dialplans.numbers.values():
            stems, until = self.live.fallback(number.number, number.language, project=number.project)
            value = f"{int(until.timestamp())}|{'&'.join(stems[:MOST])}" if stems and until else "0|"
            try:
                await self.ami.action("Setvar", Variable=f"{VARIABLE}{number.number}", Value=value)
            except PeerError as error:
                logger.warning("last known good announcements not written", number=number.number, error=str(error))
                return
