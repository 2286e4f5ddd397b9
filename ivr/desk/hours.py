"""Do the opening hours do what they were written for? `flow/opening_check.py` on the files and on today's date.

Called by `ivr dialplan check`.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.errors import Finding
from ivr.flow.model import Dialplans
from ivr.flow.opening_check import find_useless
from ivr.flow.source import find_lines
from ivr.settings import Settings


def check_hours(settings: Settings, dialplans: Dialplans) -> tuple[Finding, ...]:
    """Return a finding for hours that never open and for parts of them that never count."""
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    file = settings.dialplans_dir / "hours.toml"
    lines = find_lines(file.read_text("utf-8"))
    found = []
    for useless in find_useless(dialplans.hours, today):
        path = ("hours", useless.calendar, "open")
        found.append(Finding(file, lines.get(path), ".".join(path), useless.wrong, useless.expected))
    return tuple(found)
