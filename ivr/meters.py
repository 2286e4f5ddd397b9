"""Metrics for Prometheus: what there is to measure, by name, and the port it is read from.

Each process has a registry of its own; nothing here is global. Scraping reads numbers that are kept anyway, in a
thread of its own, so that it slows no call. Built by `metrics.py` (a controller) and `web/metered.py` (the page).
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ivr import log

logger = log.logger(__name__)

ADDRESS = "127.0.0.1"
BIND_AGAIN_S = 5.0
LAG_EVERY_S = 0.5
WAITS_S = (5, 10, 20, 30, 60, 120, 300, 600, 1800)
TALKS_S = (30, 60, 120, 180, 300, 600, 1200, 3600)
LAGS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
FIRSTS_S = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)
ANSWERS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True)
class Meter:
    """One metric. buckets  of a histogram, () for others."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COMMON = (
    Meter("hotline_build_info", "gauge", "always 1; the version in its labels", ("version", "python", "part")),
    Meter("hotline_event_loop_lag_seconds", "histogram", "how late the process gets to what is due", (), LAGS_S),
)
CONTROLLER = (
    *COMMON,
    Meter("hotline_calls_begun_total", "counter", "calls that began", ("project", "flow")),
    Meter("hotline_calls_total", "counter", "calls that ended, by how", ("project", "flow", "disposition")),
    Meter("hotline_calls_up", "gauge", "calls this controller leads now"),
    Meter("hotline_call_wait_seconds", "histogram", "wait of calls an agent answered", ("queue",), WAITS_S),
    Meter("hotline_call_talk_seconds", "histogram", "talks", ("queue",), TALKS_S),
    Meter("hotline_offers_total", "counter", "times an agent's phone was chosen for a call", ("queue",)),
    Meter("hotline_queue_waiting", "gauge", "calls nobody has answered yet", ("queue",)),
    Meter("hotline_queue_longest_wait_seconds", "gauge", "how long the first in line has waited", ("queue",)),
    Meter("hotline_queue_expected_wait_seconds", "gauge", "expected wait of a new call; absent while unknown",
          ("queue",)),
    Meter("hotline_queue_service_level_ratio", "gauge",
          "share answered within the queue's target in the last half hour; absent with too few calls", ("queue",)),
    Meter("hotline_queue_agents_in", "gauge", "agents signed in, not paused, who may answer a new call", ("queue",)),
    Meter("hotline_agents", "gauge", "agents by what they are doing; paused and out by what they wish", ("state",)),
    Meter("hotline_announcements", "gauge", "announcements by condition", ("condition",)),
    Meter("hotline_announcement_heard_total", "counter", "announcements calls reached, by what came then",
          ("where", "outcome")),
    Meter("hotline_announcement_first_heard_seconds", "histogram",
          "from the publication of a version to the first call that heard it", (), FIRSTS_S),
    Meter("hotline_customers", "gauge", "customers calls are matched with"),
    Meter("hotline_peer_up", "gauge", "1 while asterisk, redis or database answers", ("peer",)),
    Meter("hotline_records_unwritten", "gauge", "call records and traces not in the database yet"),
    Meter("hotline_records_dropped_total", "counter", "call records lost because the database was away too long"),
)  # fmt: skip
WEB = (
    *COMMON,
    Meter("hotline_web_requests_total", "counter", "requests answered", ("route", "method", "status")),
    Meter("hotline_web_request_seconds", "histogram", "time to the end of an answer; streams are left out",
          ("route",), ANSWERS_S),
    Meter("hotline_web_streams", "gauge", "streams of live news that are open"),
)  # fmt: skip
Looks = Mapping[str, Mapping[tuple[str, ...], float]]
"""Metric -> labels' values -> number."""


class Meters:
    """The metrics of one process. look  gives what is read at the moment of a scrape: quick, and from any thread."""

    def __init__(self, part: str, meters: Iterable[Meter], look: Callable[[], Looks]) -> None:
        self.registry = CollectorRegistry()
        self.known = {meter.name: meter for meter in meters}
        self._look, self._part = look, part
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for meter in self.known.values():
            if meter.kind == "histogram":
                self._histograms[meter.name] = Histogram(
                    meter.name, meter.about, meter.labels, buckets=meter.buckets, registry=self.registry
                )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        if name not in self._counters:
            meter = self.known[name]
            self._counters[name] = Counter(name, meter.about, meter.labels, registry=self.registry)
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def took(self, name: str, seconds: float, *labels: str) -> None:
        """Add to a histogram."""
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(max(0.0, seconds))

    def describe(self) -> list[Metric]:
        """Name what `collect` gives, as a registry asks."""
        return [self._family(meter) for meter in self.known.values() if meter.kind == "gauge"]

    def collect(self) -> Iterator[Metric]:
        """Give what is looked at, as a registry asks."""
        own: dict[tuple[str, ...], float] = {(own_version(), platform.python_version(), self._part): 1.0}
        looked: Looks = {"hotline_build_info": own, **self._look()}
        for name, numbers in looked.items():
            family = self._family(self.known[name])
            for labels, number in numbers.items():
                family.add_metric(labels, number)
            yield family

    def _family(self, meter: Meter) -> GaugeMetricFamily | CounterMetricFamily:
        made = CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily
        return made(meter.name, meter.about, labels=meter.labels)

    async def watch_lag(self) -> None:
        """Measure for ever how late this process gets to what is due."""
        while True:
            due = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.took("hotline_event_loop_lag_seconds", time.monotonic() - due)

    async def serve(self, port: int, setting: str) -> None:
        """Answer scrapes for ever. A port that is taken is tried again: another controller may be ending."""
        complained = False
        while True:
            try:
                server, thread = start_http_server(port, ADDRESS, registry=self.registry)
                break
            except OSError as error:
                if not complained:
                    logger.warning("metrics cannot be read: the port is taken", port=port, setting=setting,
                                   error=str(error))  # fmt: skip
                complained = True
                await asyncio.sleep(BIND_AGAIN_S)
        try:
            await asyncio.Event().wait()
        finally:
            server.shutdown()
            server.server_close()
            thread.join(1)


def own_version() -> str:
    """Return the version of Hotline, '' when it is not installed."""
    try:
        return version("hotline")
    except PackageNotFoundError:
        return ""
