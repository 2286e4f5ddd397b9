"""The pieces of the pages Live and Agents: a floor becomes HTML, by the macros in templates/live/pieces.html."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ivr.call import mask
from ivr.floor import MENU, RINGING, TALKING, WAITING, AnnouncementNow, CallNow, Floor, QueueNow
from ivr.record.plot import plot
from ivr.record.quarter_hours import KINDS
from ivr.web.page import macros
from ivr.web.words import speak
from routing.measure import Wait

CALLS_SHOWN = 200
TEXT_SHOWN = 160
Made = tuple[dict[str, str], dict[str, tuple[str, ...]]]


class LivePieces:
    """The page Live in one language."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self.language, self.zone = language, zone
        self.say, self.of = speak(language), macros("live/pieces.html", language)

    def make(self, floor: Floor) -> Made:
        """Return the pieces, and which of them are rows of which table."""
        pieces: dict[str, str] = {"trouble": self.trouble(floor), "plot": self._plot(floor)}
        pieces |= {f"n/{name}": str(self.of.number(name, value)) for name, value in self._numbers(floor).items()}
        rows = {
            "queues": {f"queue/{each.name}": self._queue(each) for each in floor.queues},
            "calls": {f"call/{each.call_id}": self._call(each) for each in floor.calls[:CALLS_SHOWN]},
            "agents": self._agents(floor),
            "announcements": {
                f"announcement/{each.version.announcement_id}": self._announcement(each) for each in floor.announcements
            },
            "ends": {f"end/{each.call_id}": self._end(each) for each in floor.ends},
        }
        pieces["more/calls"] = str(self.of.more("calls", max(0, len(floor.calls) - CALLS_SHOWN)))
        for each in rows.values():
            pieces |= each
        return pieces, {name: tuple(each) for name, each in rows.items()}

    def trouble(self, floor: Floor) -> str:
        """Return who does not answer, and since when."""
        at = [f"{each.astimezone(self.zone):%H:%M:%S}" if each else ""
              for each in (floor.redis_lost, floor.database_lost)]  # fmt: skip
        return str(self.of.trouble(*at))

    def clock(self, at_ms: int) -> str:
        """Return the time of day, for readers without JavaScript."""
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone):%H:%M:%S}" if at_ms else ""

    def _numbers(self, floor: Floor) -> dict[str, str]:
        """Return what stands in big figures; a dash where nobody tells."""
        level = floor.total.level
        of_redis = {
            "waiting": floor.count(WAITING), "ringing": floor.count(RINGING), "talking": floor.count(TALKING),
            "ready": floor.doing("ready"), "paused": floor.paused,
            "busy": floor.doing("reserved", "ringing", "talking", "wrap_up", "back_off"),
        }  # fmt: skip
        told = {name: "–" if floor.redis_lost else str(many) for name, many in of_redis.items()}
        told["menu"] = "–" if floor.lost else str(floor.count(MENU))
        told["level"] = "–" if floor.database_lost or level is None else f"{percent(level)} %"
        told["offered"] = "–" if floor.database_lost else str(sum(each.offered for each in floor.today))
        return told

    def _call(self, call: CallNow) -> str:
        return str(self.of.call_row(call, self.clock(call.since_ms), self.clock(call.entered_ms)))

    def _queue(self, queue: QueueNow) -> str:
        level = queue.today.level
        longest = self.clock(queue.longest_since_ms or 0)
        return str(self.of.queue_row(queue, longest, None if level is None else percent(level), self._wait(queue.ewt)))

    def _wait(self, wait: Wait | None) -> str:
        """Return a range in whole minutes, as callers hear it."""
        if wait is None:
            return self.say("live.ewt_unknown")
        low, high = int(wait.low_s // 60), max(1, -int(-wait.high_s // 60))
        if wait.high_s <= 0:
            return self.say("live.ewt_at_once")
        return self.say("live.ewt_range", low=low, high=high) if low else self.say("live.ewt_up_to", high=high)

    def _agents(self, floor: Floor) -> dict[str, str]:
        queues = {call.call_id: call.queue for call in floor.calls}
        return {
            f"agent/{view.agent_id}": str(
                self.of.agent_row(view, self.clock(view.since_ms), queues.get(view.call_id, ""))
            )
            for view in floor.agents
        }

    def _announcement(self, each: AnnouncementNow) -> str:
        texts = each.version.texts
        text = texts.get(self.language) or next(iter(texts.values()), "")
        text = text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 1] + "…"
        return str(self.of.announcement_row(each, text, ", ".join(each.version.target.areas)))

    def _end(self, record: Any) -> str:
        at = f"{record.ended_at.astimezone(self.zone):%H:%M:%S}"
        return str(self.of.end_row(record, at, mask(record.ani), length(record.wait_ms), length(record.talk_ms)))

    def _plot(self, floor: Floor) -> str:
        total = {kind: sum(getattr(each, kind) for each in floor.today) for kind in (*KINDS, "others")}
        day = floor.at.astimezone(self.zone).date().isoformat()
        words = {"title": self.say("live.plot_title", day=day), "desc": self.say("live.plot_desc", **total)}
        quarters = [each for each in floor.today if each.offered]
        return str(self.of.plot(plot(floor.today, floor.yesterday, words), quarters, total))


class AgentPieces(LivePieces):
    """What agents do, one piece each, for the page Agents. known  ids of all agents, those who are out as well."""

    def make(self, floor: Floor) -> Made:
        """Return what is known of every agent signed in; the page shows the others as out."""
        of = macros("agents/pieces.html", self.language)
        pieces = {f"doing/{view.agent_id}": str(of.doing(view, self.clock(view.since_ms))) for view in floor.agents}
        lost = f"{floor.redis_lost.astimezone(self.zone):%H:%M:%S}" if floor.redis_lost else ""
        return {**pieces, "trouble": str(of.trouble(lost))}, {"agents-in": tuple(pieces)}


def percent(share: float) -> int:
    """Return whole percents, never 100 for less than all."""
    return int(share * 100)


def length(ms: int | None) -> str:
    """Return m:ss, '' for None."""
    return "" if ms is None else f"{ms // 60_000}:{ms // 1000 % 60:02}"
