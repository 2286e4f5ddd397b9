"""What is kept of a call. Pure; written by `store`, told by `story`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class CallRecord:
    """One call as it is kept. offers  how often an agent was offered it.  announcements  heard, `id version`.

    ended_at  None while it lives, and when its end was not seen.
    """

    call_id: str
    ani: str
    dnis: str
    project: str
    flow: str
    flow_version: str
    language: str
    started_at: datetime
    ended_at: datetime | None = None
    queue: str = ""
    wait_ms: int | None = None
    agent_id: str = ""
    offers: int = 0
    talk_ms: int | None = None
    announcements: tuple[str, ...] = ()
    disposition: str = ""
    end_reason: str = ""

    def after(self, earlier: CallRecord) -> CallRecord:
        """Return this record as the continuation of what another controller recorded before."""
        return replace(
            self, started_at=min(self.started_at, earlier.started_at), queue=self.queue or earlier.queue,
            wait_ms=earlier.wait_ms if self.wait_ms is None else self.wait_ms,
            agent_id=self.agent_id or earlier.agent_id, offers=self.offers + earlier.offers,
            talk_ms=earlier.talk_ms if self.talk_ms is None else self.talk_ms,
            announcements=tuple(dict.fromkeys((*earlier.announcements, *self.announcements))),
        )  # fmt: skip


@dataclass(frozen=True)
class SurveyAnswer:
    """The answer to one question of a survey. question  its prompt."""

    survey: str
    question: str
    points: int
    at: datetime
