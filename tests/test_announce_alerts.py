"""Alerts of monitoring become drafts; resolved ones are noted; what is wrong with one is said and stops no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.announce.alerts import ALERTS_MOST, TEXTS, Alerts, Taken, raw_alerts, read
from ivr.announce.model import DRAFT, LIVE, MONITORING, Target
from ivr.announce.publish import Publisher
from ivr.call import LANGUAGES
from ivr.errors import InputError
from tests.support.desk import NOW, FakeMaker, desk_settings, opened

NODE = {"alertname": "SwitchDown", "node": "node-17", "service": "internet", "severity": "critical"}


def alert(status: str = "firing", labels: dict[str, str] | None = None, **notes: str) -> dict[str, Any]:
    """Return one alert as Alertmanager sends it."""
    return {
        "status": status, "labels": NODE if labels is None else labels, "annotations": notes,
        "startsAt": "2026-11-23T13:02:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-23T14:30:00+00:00",
        "generatorURL": "http://prometheus/graph", "fingerprint": "f1",
    }  # fmt: skip


def payload(*alerts: object) -> dict[str, Any]:
    """Return the whole body."""
    return {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "hotline",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
        "alerts": list(alerts),
    }  # fmt: skip


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[Publisher]:
    async with opened(desk_settings(tmp_path, confirm_share=1.0)) as database:
        yield Publisher(database, database.settings, maker=FakeMaker())


@pytest.fixture
def alerts(publisher: Publisher) -> Alerts:
    return Alerts(publisher)


async def test_an_alert_becomes_a_draft(alerts: Alerts) -> None:
    """Target by label, texts by annotation, the alert's name, beginning and summary in the note; nobody hears it."""
    said = alert(text_pl="Awaria węzła.", text_en="A node is down.", summary="no answer\nfrom node-17")
    (taken,) = await alerts.take(payload(said), NOW)
    (draft,) = await alerts.publisher.store.newest()

    assert Taken("SwitchDown", "drafted", draft.announcement_id) == taken
    assert (DRAFT, MONITORING, Target(node="node-17"), "internet") == (
        draft.state, draft.source, draft.target, draft.service,
    )  # fmt: skip
    assert {"pl": "Awaria węzła.", "en": "A node is down."} == draft.texts
    assert "SwitchDown since 14:02 on 23.11.: no answer from node-17" == draft.note


async def test_without_texts_the_standard_one_is_drafted(alerts: Alerts) -> None:
    """In every language; an area counts before a node."""
    await alerts.take(payload(alert(labels=NODE | {"area": "PL/Mazowieckie/"})), NOW)
    (draft,) = await alerts.publisher.store.newest()

    assert TEXTS == draft.texts
    assert set(LANGUAGES) == set(TEXTS)
    assert Target(areas=("pl/mazowieckie",)) == draft.target


async def test_the_same_alert_again_changes_nothing(alerts: Alerts) -> None:
    """Alertmanager repeats what still fires, also when ops has published or reworded it."""
    publisher = alerts.publisher
    await alerts.take(payload(alert()), NOW)
    (again,) = await alerts.take(payload(alert()), NOW + timedelta(minutes=5))
    await publisher.publish("last", "ops", NOW + timedelta(minutes=6))
    (live,) = await alerts.take(payload(alert()), NOW + timedelta(minutes=7))
    (held,) = await publisher.store.newest()

    assert ("ignored", "ignored") == (again.did, live.did)
    assert (2, LIVE) == (held.version, held.state)


async def test_a_resolved_alert_is_noted_and_ends_nothing(alerts: Alerts) -> None:
    """On a draft and on what is live; once. When it fires again, the note says so."""
    await alerts.take(payload(alert()), NOW)
    (noted,) = await alerts.take(payload(alert("resolved")), NOW + timedelta(minutes=1))
    await alerts.publisher.publish("last", "ops", NOW + timedelta(minutes=2))
    await alerts.publisher.update("last", "ops", NOW + timedelta(minutes=3), note="a switch")
    (while_live,) = await alerts.take(payload(alert("resolved")), NOW + timedelta(minutes=4))
    (once,) = await alerts.take(payload(alert("resolved")), NOW + timedelta(minutes=5))
    (held,) = await alerts.publisher.store.newest()
    (back,) = await alerts.take(payload(alert()), NOW + timedelta(minutes=6))
    (after,) = await alerts.publisher.store.newest()

    assert ("noted", "noted", "ignored", "noted") == (noted.did, while_live.did, once.did, back.did)
    assert LIVE == held.state == after.state
    assert "monitoring says resolved 15:30 on 23.11.; a switch" == held.note
    assert "resolved" not in after.note


async def test_a_resolved_alert_nobody_drafted_is_nothing(alerts: Alerts) -> None:
    """No draft is made of it."""
    (taken,) = await alerts.take(payload(alert("resolved")), NOW)

    assert ("ignored", "") == (taken.did, taken.announcement)
    assert () == await alerts.publisher.store.newest(ended=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("x", "an alert is an object"),
        (alert("silenced"), "expected firing or resolved"),
        (alert(labels={"alertname": "Up"}), "Up: it names neither `area` nor `node`"),
        (alert(labels={"area": "../../etc"}), "is not an area"),
        (alert(labels={"node": "a/b"}), "is not a node"),
        (alert(labels=NODE | {"service": "all of it"}), "is not a service"),
        (alert(labels=NODE | {"n": 5}), "labels: 'n'; expected a text"),  # type: ignore[dict-item]
        (alert(labels={f"l{n}": "" for n in range(99)}), "labels; expected an object of at most 60 texts"),
        (alert(text_pl="x" * 1300), "has 1300 characters"),
        (alert(text_pl="Awaria\0"), "control character"),
        (alert() | {"startsAt": "yesterday"}, "expected a time such as"),
        (alert() | {"startsAt": None}, "expected a time such as"),
        (alert("resolved") | {"endsAt": "2026-11-23T14:30:00"}, "expected a time such as"),
    ],
)
async def test_a_wrong_alert_is_refused_and_the_next_one_taken(alerts: Alerts, wrong: object, said: str) -> None:
    """Each error says what was expected."""
    refused, taken = await alerts.take(payload(wrong, alert(labels={"node": "node-9"})), NOW)

    assert ("refused", "drafted") == (refused.did, taken.did)
    assert said in refused.why
    assert 1 == len(await alerts.publisher.store.newest())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "no alert of Alertmanager"),
        ({}, "no alert of Alertmanager"),
        (payload() | {"version": "3"}, "version '3' is not understood; expected '4'"),
        (payload(*range(ALERTS_MOST + 1)), "set max_alerts"),
    ],
)
def test_what_is_no_payload_is_refused(body: object, said: str) -> None:
    """Before any alert of it is looked at."""
    with pytest.raises(InputError, match=said):
        raw_alerts(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(alert(), JSON)) | JSON)
def test_whatever_comes_is_read_or_refused(raw: object) -> None:
    """Any JSON gives an alert or an InputError, nothing else."""
    try:
        found = read(raw)
    except InputError:
        return
    assert found.target != Target()
