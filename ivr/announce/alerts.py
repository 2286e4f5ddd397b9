"""Alerts of monitoring become drafts: the payload of Alertmanager's webhook (version 4) is read and kept.

An alert names whom it concerns by the label `area` or `node`, and may name `service`; its annotations may hold what
callers would hear: `text_pl`, `text_ru`, `text_en`. Nothing goes live or ends by itself. Called by
`web/api/alerts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from ivr import log
from ivr.announce.model import ENDED, MONITORING, NOTE_MOST, Target, Version, service_name
from ivr.announce.publish import Draft, Publisher
from ivr.area import area_path
from ivr.call import LANGUAGES
from ivr.errors import InputError

logger = log.logger(__name__)

VERSION = "4"
ALERTS_MOST, LABELS_MOST, NAME_MOST, VALUE_MOST = 100, 60, 100, 4000
FIRING, RESOLVED = "firing", "resolved"
AUTHOR = "monitoring"
SAYS_RESOLVED = "monitoring says resolved"
TEXTS = {
    "pl": "W Państwa okolicy wystąpiła awaria. Pracujemy nad jej usunięciem.",
    "ru": "В вашем районе произошла авария. Мы работаем над её устранением.",
    "en": "There is a fault in your area. We are working on it.",
}


@dataclass(frozen=True)
class Alert:
    """One alert, read. name, summary  for ops.  texts  for callers.  ends  when it was resolved, None before."""

    name: str
    target: Target
    service: str
    texts: Mapping[str, str]
    summary: str
    starts: datetime
    ends: datetime | None


@dataclass(frozen=True)
class Taken:
    """What became of one alert. did  drafted, noted, ignored or refused; why  it was not taken."""

    alert: str
    did: str
    announcement: str = ""
    why: str = ""


class Alerts:
    """Take alerts in."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher

    async def take(self, payload: object, now: datetime) -> tuple[Taken, ...]:
        """Draft an announcement for each alert that fires, note on it that one is resolved; one result per alert.

        An alert that cannot be used is refused, the others are taken all the same. Raises InputError when the payload
        is none of Alertmanager's.
        """
        return tuple([await self._take(n, raw, now) for n, raw in enumerate(raw_alerts(payload), 1)])

    async def _take(self, n: int, raw: object, now: datetime) -> Taken:
        name = f"alert {n}"
        try:
            alert = read(raw)
            name = alert.name
            did, version = await (self._resolved(alert, now) if alert.ends else self._fires(alert, now))
        except InputError as error:
            logger.warning("alert refused", alert=name, error=str(error))
            return Taken(name, "refused", why=str(error))
        if did == "drafted" and version and version.version == 1:
            logger.warning("monitoring: an announcement is drafted", announcement=version.announcement_id, alert=name)
        return Taken(name, did, version.announcement_id if version else "")

    async def _fires(self, alert: Alert, now: datetime) -> tuple[str, Version | None]:
        """Draft it, unless it is drafted or live already and monitoring did not say meanwhile that it is over."""
        open_ones = [each for each in await self._concerned(alert) if now < each.until]
        if open_ones and SAYS_RESOLVED not in open_ones[0].note:
            return "ignored", open_ones[0]
        if open_ones and open_ones[0].clips:
            return "noted", await self._note(open_ones[0], self._why(alert), now)
        draft = Draft(alert.target, alert.texts or TEXTS, alert.service, source=MONITORING, note=self._why(alert))
        return "drafted", (await self.publisher.draft_again(draft, AUTHOR, now)).version

    async def _resolved(self, alert: Alert, now: datetime) -> tuple[str, Version | None]:
        """Note it on what was drafted; ending it is for people."""
        open_ones = [each for each in await self._concerned(alert) if SAYS_RESOLVED not in each.note]
        if not (open_ones and alert.ends):
            return "ignored", None
        held, zone = open_ones[0], self.publisher.zone
        said = f"{SAYS_RESOLVED} {_local(alert.ends, zone)}"
        logger.warning(SAYS_RESOLVED, announcement=held.announcement_id, alert=alert.name)
        return "noted", await self._note(held, f"{said}; {held.note}", now)

    async def _concerned(self, alert: Alert) -> list[Version]:
        """Return the announcements made of this alert before, the newest first."""
        wanted = (MONITORING, alert.service, alert.target)
        return [each for each in await self.publisher.store.newest()
                if (each.source, each.service, each.target) == wanted and each.state != ENDED]  # fmt: skip

    async def _note(self, held: Version, note: str, now: datetime) -> Version:
        changed = await self.publisher.update(held.announcement_id, AUTHOR, now, note=note[:NOTE_MOST])
        return changed.version

    def _why(self, alert: Alert) -> str:
        summary = f": {alert.summary}" if alert.summary else ""
        return f"{alert.name} since {_local(alert.starts, self.publisher.zone)}{summary}"[:NOTE_MOST]


def raw_alerts(payload: object) -> list[object]:
    """Return the alerts of a payload, unread. Raises InputError when it is none of Alertmanager's."""
    if not isinstance(payload, dict) or not isinstance(payload.get("alerts"), list):
        raise InputError("this is no alert of Alertmanager; expected an object with a list `alerts`")
    if str(payload.get("version")) != VERSION:
        raise InputError(f"version {str(payload.get('version'))[:20]!r} is not understood; expected {VERSION!r}")
    alerts: list[object] = payload["alerts"]
    if len(alerts) > ALERTS_MOST:
        raise InputError(f"{len(alerts)} alerts at once; expected at most {ALERTS_MOST}: set max_alerts")
    return alerts


def read(raw: object) -> Alert:
    """Read one alert. Raises InputError saying what is wrong and what was expected."""
    if not isinstance(raw, dict):
        raise InputError("an alert is an object")
    status = raw.get("status")
    if status not in (FIRING, RESOLVED):
        raise InputError(f"status {str(status)[:20]!r}; expected {FIRING} or {RESOLVED}")
    labels, notes = _strings(raw, "labels"), _strings(raw, "annotations")
    name = _line(labels.get("alertname", ""))[:NAME_MOST] or "alert"
    try:
        service = service_name(labels.get("service", ""))
        target = _target(labels)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    texts = {language: notes[f"text_{language}"] for language in LANGUAGES if notes.get(f"text_{language}", "").strip()}
    summary = _line(notes.get("summary", "") or notes.get("description", ""))
    ends = _moment(raw, "endsAt", name) if status == RESOLVED else None
    return Alert(name, target, service, texts, summary, _moment(raw, "startsAt", name), ends)


def _target(labels: Mapping[str, str]) -> Target:
    if area := labels.get("area", ""):
        return Target(areas=(area_path(area),))
    if node := labels.get("node", ""):
        if "/" in node:
            raise ValueError(f"{node[:80]!r} is not a node; expected one name, for example node-17")
        return Target(node=area_path(node))
    raise ValueError("it names neither `area` nor `node`; expected one of these labels")


def _strings(raw: Mapping[str, Any], key: str) -> dict[str, str]:
    found = raw.get(key) or {}
    if not isinstance(found, dict) or len(found) > LABELS_MOST:
        raise InputError(f"{key}; expected an object of at most {LABELS_MOST} texts")
    for name, value in found.items():
        if not isinstance(value, str) or len(value) > VALUE_MOST:
            raise InputError(f"{key}: {name[:NAME_MOST]!r}; expected a text of at most {VALUE_MOST} characters")
    return found


def _moment(raw: Mapping[str, Any], key: str, name: str) -> datetime:
    text = raw.get(key)
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) and len(text) < 50 else "")
        if moment.tzinfo is None or not 2000 <= moment.year <= 2200:
            raise ValueError
        return moment.astimezone(UTC)
    except ValueError:
        raise InputError(f"{name}: {key} {str(text)[:50]!r}; expected a time such as 2026-11-23T14:02:00Z") from None


def _line(text: str) -> str:
    """Return `text` as one printable line."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _local(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%H:%M on %d.%m.}"
