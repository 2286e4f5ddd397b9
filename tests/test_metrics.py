"""Metrics: what calls and queues add up to, what a scrape reads, and that the documents and the dashboard are true."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ivr.log import configure, logger
from ivr.meters import COMMON, CONTROLLER, WEB, Meters
from ivr.metrics import Metrics
from ivr.record.hearing import Hearing
from ivr.record.model import CallRecord
from ivr.settings import PROJECT
from ivr.web.metered import Metered
from routing.measure import Measure
from routing.model import Snapshot, WaitingCall
from tests.support.ports import free_port

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RECORD = CallRecord("1.1", "+48221110001", "100", "provider", "main", "v1", "pl", NOW)


@dataclass
class Version:
    """As much of an announcement's version as is measured."""

    announcement_id: str = "a1"
    version: int = 1
    at: datetime = NOW
    starts: datetime | None = None
    state: str = "live"
    kind: str = "outage"
    eta: datetime | None = None
    until: datetime = NOW + timedelta(hours=1)


@dataclass
class Holder:
    """Anything with attributes."""

    has: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.has[name]


@pytest.fixture
def metrics() -> Metrics:
    """A controller's metrics over parts that are still."""
    from ivr.flow.model import QueueConfig, ServiceLevel
    from routing.model import Need

    queue = QueueConfig("support", Need("internet"), service_level=ServiceLevel(20, 80))
    live = Holder({
        "clock": lambda: NOW, "database_lost": False,
        "snapshot": Holder({"announcements": (Version(),), "customers": Holder({"numbers": {"1": 1, "2": 2}})}),
    })  # fmt: skip
    return Metrics(Holder({  # type: ignore[arg-type]
        "live": live, "ami": Holder({"connected": True}), "router": Holder({"measure": Measure()}),
        "records": Holder({"unwritten": 3, "dropped": 0}),
        "dialplans": lambda: Holder({"queues": {"support": queue}}), "calls_up": lambda: 4,
    }))  # fmt: skip


def value(meters: Meters, name: str, **labels: str) -> float | None:
    """Return one number of the registry, None when it is not there."""
    return meters.registry.get_sample_value(name, labels)


def test_a_call_is_counted_when_it_begins_and_how_it_ends(metrics: Metrics) -> None:
    """By project, flow and disposition; wait, talk and offers by queue."""
    metrics.noted(RECORD)
    metrics.noted(replace(RECORD, ended_at=NOW, disposition="agent", queue="support", wait_ms=12_000, talk_ms=60_000,
                          offers=2))  # fmt: skip

    m = metrics.meters
    assert 1 == value(m, "hotline_calls_begun_total", project="provider", flow="main")
    assert 1 == value(m, "hotline_calls_total", project="provider", flow="main", disposition="agent")
    assert 2 == value(m, "hotline_offers_total", queue="support")
    assert 12 == value(m, "hotline_call_wait_seconds_sum", queue="support")
    assert 1 == value(m, "hotline_call_wait_seconds_bucket", queue="support", le="20.0")
    assert 60 == value(m, "hotline_call_talk_seconds_sum", queue="support")


def test_the_first_to_hear_a_version_is_measured_once(metrics: Metrics) -> None:
    """From its publication; later ones only count."""
    hearing = Hearing("1.1", "a1", 1, "", "", "", NOW + timedelta(seconds=1.5), "menu", 8000, 8000, "", "ended", 1)
    metrics.heard(hearing)
    metrics.heard(replace(hearing, call_id="1.2", at=NOW + timedelta(minutes=5), outcome="agent"))

    assert 1.5 == value(metrics.meters, "hotline_announcement_first_heard_seconds_sum")
    assert 1 == value(metrics.meters, "hotline_announcement_heard_total", where="menu", outcome="ended")
    assert 1 == value(metrics.meters, "hotline_announcement_heard_total", where="menu", outcome="agent")


def test_queues_come_from_the_sweep_and_go_when_redis_is_away(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape asks nobody; numbers too old to be true are left out, and redis is told to be down."""
    m, now_ms = metrics.meters, 100_000
    call = WaitingCall("1.1", "support", "internet>=1", 0, "waiting", 60_000, 60_000)
    metrics.swept(Snapshot(now_ms, {"support": 1}, (call,), ()))

    assert 1 == value(m, "hotline_queue_waiting", queue="support")
    assert 40 == value(m, "hotline_queue_longest_wait_seconds", queue="support")
    assert 0 == value(m, "hotline_agents", state="ready")
    assert 1 == value(m, "hotline_peer_up", peer="redis")
    assert 1 == value(m, "hotline_announcements", condition="live")
    assert (4, 2, 3) == tuple(
        value(m, name) for name in ("hotline_calls_up", "hotline_customers", "hotline_records_unwritten")
    )
    monkeypatch.setattr("ivr.metrics.STALE_S", -1.0)
    assert value(m, "hotline_queue_waiting", queue="support") is None
    assert 0 == value(m, "hotline_peer_up", peer="redis")


def test_a_sweep_that_cannot_be_measured_ends_nothing(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    """The calls' own loop hands it over: no mistake of metrics may end it."""
    metrics.swept(None)  # type: ignore[arg-type]

    assert 0 == value(metrics.meters, "hotline_peer_up", peer="redis")


async def test_a_scrape_reads_it_from_the_port_once_that_is_free(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loopback; a port that is taken is waited for, and the controller goes on."""
    port = free_port()
    monkeypatch.setattr("ivr.meters.BIND_AGAIN_S", 0.02)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        running = asyncio.create_task(metrics.run(port))
        while not capsys.readouterr().out + capsys.readouterr().err:
            await asyncio.sleep(0.02)
        assert not running.done()
    text = ""
    while not text:
        try:
            text = await asyncio.to_thread(read, port)
        except OSError:
            await asyncio.sleep(0.02)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    running.cancel()
    await asyncio.wait([running])

    assert families["hotline_build_info"].samples[0].labels["part"] == "controller"
    assert {"hotline_calls_up", "hotline_peer_up", "process_cpu_seconds"} <= families.keys()


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


async def test_requests_are_counted_by_route_not_by_address() -> None:
    """Somebody who asks for a thousand addresses adds one label: `other`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/calls/1":
            scope["route"] = Holder({"path": "/calls/{call_id}"})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b""})

    async def send(_: Any) -> None: ...

    metered = Metered(app)
    for path in ("/calls/1", "/x", "/y"):
        await metered({"type": "http", "path": path, "method": "GET"}, None, send)  # type: ignore[arg-type]

    m = metered.meters
    assert 1 == value(m, "hotline_web_requests_total", route="/calls/{call_id}", method="GET", status="200")
    assert 2 == value(m, "hotline_web_requests_total", route="other", method="GET", status="200")
    assert 1 == value(m, "hotline_web_request_seconds_count", route="/calls/{call_id}")
    assert 0 == value(m, "hotline_web_streams")


def table() -> str:
    """Return the table of docs/metrics.md as it must be."""
    rows = ["| Metric | Kind | Labels | What it tells |", "|---|---|---|---|"]
    parts = ((COMMON, "both"), (CONTROLLER, "a controller"), (WEB, "the page"))
    seen: set[str] = set()
    for meters, of in parts:
        for meter in meters:
            if meter.name not in seen:
                labels = ", ".join(f"`{label}`" for label in meter.labels)
                rows.append(f"| `{meter.name}` | {meter.kind} of {of} | {labels} | {meter.about} |")
                seen.add(meter.name)
    return "\n".join(rows)


def test_the_table_of_metrics_is_complete_and_true() -> None:
    """docs/metrics.md holds exactly this table."""
    assert table() in (PROJECT / "docs/metrics.md").read_text("utf-8")


def test_the_dashboard_asks_for_metrics_there_are() -> None:
    """Every name in a query exists, with the labels it is asked by; panels have ids and places of their own."""
    board = json.loads((PROJECT / "docs/grafana-hotline.json").read_text("utf-8"))
    known = {meter.name: meter for meter in (*CONTROLLER, *WEB)}
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    unknown, odd = [], []
    for query in queries:
        for name in re.findall(r"\b(?:hotline|process)_[a-z_]+", query):
            base = name if name in known else re.sub(r"_(bucket|sum|count)$", "", name)
            if base not in known and not name.startswith("process_"):
                unknown.append(name)
        labels = {label for by in re.findall(r"\bby \(([a-z, ]+)\)", query) for label in by.split(", ")}
        used = {label for name, meter in known.items() if name in query for label in meter.labels} | {"le", "instance"}
        odd += sorted(labels - used)

    assert queries
    assert [] == unknown
    assert [] == odd
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(places) == len(set(places))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])


def test_a_log_for_programs_is_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    """JSON, the time with its zone, a number that slipped into a text masked, a line break no line."""
    import structlog

    try:
        configure("info", "json")
        structlog.contextvars.bind_contextvars(call_id="1795.7")
        logger("test").warning("no answer\nat all", error="from +48601999888", dnis="+48221234567")
        line = json.loads(capfd.readouterr().err)
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()

    assert ("no answer\nat all", "warning", "1795.7") == (line["event"], line["level"], line["call_id"])
    assert "from +48*******88" == line["error"]
    assert "+48221234567" == line["dnis"]
    assert datetime.fromisoformat(line["at"]).tzinfo is not None
