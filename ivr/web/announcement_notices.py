"""What was just done with an announcement, to be told on the page the browser is sent to next.

Kept in memory for the few who have just pressed a button: after a restart nothing is told, and nothing is lost.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from ivr.announce.publish import Outcome

MOST = 200


@dataclass(frozen=True)
class Notice:
    """what  published, changed, drafted, approved, restored or ended. whose  who did it."""

    what: str
    whose: str
    outcome: Outcome


class Notices:
    """The last ones, each told once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Notice] = OrderedDict()

    def keep(self, notice: Notice) -> str:
        """Keep a notice; return the word it is asked for by."""
        token = secrets.token_urlsafe(9)
        self._kept[token] = notice
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return token

    def take(self, token: str, whose: str) -> Notice | None:
        """Return the notice of `token` to him who did it, once."""
        found = self._kept.get(token)
        if found is None or found.whose != whose:
            return None
        return self._kept.pop(token)
