"""What is said to a caller who knows an announcement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.announce.brief import brief
from ivr.announce.model import INFO, LIVE, OUTAGE, PLANNED, RESTORED, Target, Version
from ivr.sound import Phrase, Prompt, SayTime

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)  # 14:00 in Warsaw
FOUR = NOW + timedelta(hours=2)
KNOWN = Prompt("heard_outage")


def version(eta: datetime | None, **changed: object) -> Version:
    made = Version("a", 1, LIVE, "ops", NOW, Target(), "internet", {"pl": "x"}, eta, NOW + timedelta(days=3))
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("eta", "changed", "said"),
    [
        (None, {}, (KNOWN, Prompt("eta_unknown"))),
        (FOUR, {}, (KNOWN, Prompt("eta_at"), SayTime(16, 0))),
        (NOW, {}, (KNOWN, Prompt("eta_passed"))),
        (NOW + timedelta(hours=20), {}, (KNOWN, Prompt("eta_tomorrow_at"), SayTime(10, 0))),
        (NOW + timedelta(hours=10), {}, (KNOWN, Prompt("eta_tomorrow_at"), SayTime(0, 0))),
        (NOW + timedelta(days=2), {}, ()),
        (FOUR, {"eta_from": NOW + timedelta(hours=1)},
         (KNOWN, Prompt("eta_range_from"), SayTime(15, 0), Prompt("eta_range_to"), SayTime(16, 0))),
        (FOUR, {"eta_from": NOW - timedelta(hours=1)}, (KNOWN, Prompt("eta_at"), SayTime(16, 0))),
        (NOW + timedelta(hours=20), {"eta_from": FOUR}, ()),
        (FOUR, {"state": RESTORED}, ()),
        (FOUR, {"kind": PLANNED}, ()),
        (FOUR, {"kind": INFO}, ()),
    ],
)  # fmt: skip
def test_only_what_may_have_changed(
    eta: datetime | None, changed: dict[str, object], said: tuple[Phrase, ...]
) -> None:
    """The expected end by the clock of the hotline; all of it where there is no short way to say it."""
    assert said == brief(version(eta, kind=changed.pop("kind", OUTAGE), **changed), NOW, WARSAW)
