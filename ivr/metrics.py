"""What a controller measures: calls as they begin and end, and every SWEEP the queues, agents and announcements.

Nothing is asked for a scrape: calls tell what they do, and the sweep of `app.py` hands its snapshot over. Labels hold
names from the dialplans only: no numbers, no calls, no agents.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ivr import log
from ivr.ami.client import AmiClient
from ivr.announce.live import Live
from ivr.announce.model import EXPIRED, LIVE, OVERDUE, RESTORED, SCHEDULED, condition
from ivr.flow.load import Dialplans
from ivr.meters import CONTROLLER, Looks, Meters
from ivr.record.hearing import Hearing
from ivr.record.model import CallRecord
from ivr.record.store import Records
from routing.model import Snapshot
from routing.outlook import outlook
from routing.router import Router

logger = log.logger(__name__)

CONDITIONS = (SCHEDULED, LIVE, OVERDUE, RESTORED, EXPIRED)  # of those that are published
STATES = ("ready", "reserved", "ringing", "talking", "wrap_up", "back_off", "paused", "out")
STALE_S = 7.0  # a snapshot older than this: Redis is away
VERSIONS_MOST = 1000  # announcements remembered as heard


@dataclass
class Seen:
    """What is measured, read at the moment it is asked for."""

    live: Live
    ami: AmiClient
    router: Router
    records: Records
    dialplans: Callable[[], Dialplans]
    calls_up: Callable[[], int]


class Metrics:
    """The metrics of one controller."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.meters = Meters("controller", CONTROLLER, self.look)
        self._looks: Looks = {}
        self._looked_at = float("-inf")
        self._heard: dict[tuple[str, int], None] = {}

    async def run(self, port: int) -> None:
        """Answer scrapes on `port` for ever."""
        await asyncio.gather(self.meters.serve(port, "HOTLINE_METRICS_PORT"), self.meters.watch_lag())

    # -- told by calls

    def noted(self, record: CallRecord) -> None:
        """A call began, or ended (ended_at is set)."""
        where = record.project, record.flow
        if record.ended_at is None:
            self.meters.count("hotline_calls_begun_total", *where)
            return
        self.meters.count("hotline_calls_total", *where, record.disposition)
        if record.queue and record.offers:
            self.meters.count("hotline_offers_total", record.queue, by=record.offers)
        if record.queue and record.talk_ms is not None:
            self.meters.took("hotline_call_talk_seconds", record.talk_ms / 1000, record.queue)
            if record.wait_ms is not None:
                self.meters.took("hotline_call_wait_seconds", record.wait_ms / 1000, record.queue)

    def heard(self, hearing: Hearing) -> None:
        """A call reached an announcement, and it is known what came of it."""
        self.meters.count("hotline_announcement_heard_total", hearing.where, hearing.outcome)
        key = hearing.announcement_id, hearing.version
        if key in self._heard:
            return
        self._heard[key] = None
        if len(self._heard) > VERSIONS_MOST:
            del self._heard[next(iter(self._heard))]
        for version in self.seen.live.snapshot.announcements:
            if (version.announcement_id, version.version) == key:
                begun = max(version.at, version.starts or version.at)
                took_s = (hearing.at - begun).total_seconds()
                self.meters.took("hotline_announcement_first_heard_seconds", took_s)

    # -- looked at

    def swept(self, snapshot: Snapshot) -> None:
        """Take what the queues hold now; called every few seconds, by nobody's scrape. Never fails: calls are up."""
        try:
            self._looks = self._of_queues(snapshot)
            self._looked_at = time.monotonic()
        except Exception:
            logger.exception("queues could not be measured")

    def _of_queues(self, snapshot: Snapshot) -> Looks:
        plans, measure = self.seen.dialplans(), self.seen.router.measure
        waiting: dict[str, int] = {name: max(0, snapshot.queues.get(name, 0)) for name in plans.queues}
        longest = dict.fromkeys(plans.queues, 0.0)
        for call in snapshot.waiting:
            if call.queue in longest:
                longest[call.queue] = max(longest[call.queue], (snapshot.now_ms - call.entered_ms) / 1000)
        expected: dict[tuple[str, ...], float] = {}
        agents_in: dict[tuple[str, ...], float] = {}
        levels: dict[tuple[str, ...], float] = {}
        for name, queue in plans.queues.items():
            ahead = outlook(
                snapshot, measure, name, queue.plan(), priority=queue.priority, emergency=queue.emergency
            )
            agents_in[name,] = ahead.agents_in
            if ahead.wait:
                expected[name,] = ahead.wait.mean_s
            level = measure.service_level(name, queue.service_level.target_s) if queue.service_level else None
            if level is not None:
                levels[name,] = level
        states: Counter[str] = Counter(each.state if each.status == "in" else each.status for each in snapshot.agents)
        return {
            "hotline_queue_waiting": {(name,): number for name, number in waiting.items()},
            "hotline_queue_longest_wait_seconds": {(name,): wait_s for name, wait_s in longest.items()},
            "hotline_queue_expected_wait_seconds": expected,
            "hotline_queue_service_level_ratio": levels,
            "hotline_queue_agents_in": agents_in,
            "hotline_agents": {(state,): states.get(state, 0) for state in STATES},
        }

    def look(self) -> Looks:
        """Return what there is to tell now; called by a scrape, in its thread: reads only what is swapped whole."""
        seen, records = self.seen, self.seen.records
        redis_up = time.monotonic() - self._looked_at < STALE_S
        now = seen.live.clock()
        conditions = Counter(condition(each, now) for each in seen.live.snapshot.announcements)
        return {
            **(self._looks if redis_up else {}),
            "hotline_calls_up": {(): seen.calls_up()},
            "hotline_announcements": {(name,): conditions.get(name, 0) for name in CONDITIONS},
            "hotline_customers": {(): len(seen.live.snapshot.customers.numbers)},
            "hotline_peer_up": {
                ("asterisk",): seen.ami.connected, ("redis",): redis_up, ("database",): not seen.live.database_lost,
            },
            "hotline_records_unwritten": {(): records.unwritten},
            "hotline_records_dropped_total": {(): records.dropped},
        }  # fmt: skip
