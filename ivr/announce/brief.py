"""The short text for a caller who knows an announcement: that he knows it, and when it will be over. Pure.

Said with the hotline's own prompts, so that it is true at the moment of the call. Called by `live.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ivr.announce.model import OUTAGE, RESTORED, Version
from ivr.sound import Phrase, Prompt, SayTime


def brief(version: Version, now: datetime, zone: ZoneInfo) -> tuple[Phrase, ...]:
    """Return what to say; () when all of it has to be said: it is no fault, or over, or will be days from now."""
    if version.kind != OUTAGE or version.state == RESTORED:
        return ()
    end = _end(version, now, zone)
    return (Prompt("heard_outage"), *end) if end else ()


def _end(version: Version, now: datetime, zone: ZoneInfo) -> tuple[Phrase, ...]:
    if version.eta is None:
        return (Prompt("eta_unknown"),)
    if now.astimezone(UTC) >= version.eta.astimezone(UTC):
        return (Prompt("eta_passed"),)
    end, begin = version.eta.astimezone(zone), version.eta_from and version.eta_from.astimezone(zone)
    days = (end.date() - now.astimezone(zone).date()).days
    if days > 1:
        return ()
    if begin and now.astimezone(UTC) < begin.astimezone(UTC):
        range_ = (Prompt("eta_range_from"), _time(begin), Prompt("eta_range_to"), _time(end))
        return range_ if days == 0 else ()
    return (Prompt("eta_tomorrow_at" if days else "eta_at"), _time(end))


def _time(at: datetime) -> SayTime:
    return SayTime(at.hour, at.minute)
