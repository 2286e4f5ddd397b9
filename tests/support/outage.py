"""An outage announcement of the test district, live for one test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.announce.publish import clip_folder
from ivr.announce.store import Announcements
from ivr.announce.wording import variant
from ivr.db import Database
from tests.support.hotline import Hotline

DISTRICT = "pl/mazowieckie/warszawa/wola"


@dataclass(frozen=True)
class Outage:
    """A live announcement. clips  language -> stems of its audio, one per wording, that of now first."""

    id: str
    clips: dict[str, list[str]]

    def files(self) -> dict[str, Path]:
        """Return every wording for the recogniser, as `outage/<language>`: first that of today."""
        return {
            f"outage/{language}/{n}": Path(stem + ".ulaw")
            for language, stems in self.clips.items()
            for n, stem in enumerate(stems)
        }


def post(hotline: Hotline, *extra: str, area: str = DISTRICT) -> Outage:
    """Publish an outage of internet in a district, in three languages; returns right after the command did."""
    eta = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:30+00:00")  # minutes that are not mistaken
    hotline.cli(
        "announce",
        "post",
        "--yes",
        "--area",
        area,
        "--service",
        "internet",
        "--eta",
        eta,
        "--text-pl",
        "Na Woli nie działa internet. Uszkodzony jest kabel światłowodowy.",
        "--text-en",
        "The internet is down in Wola. A fibre cable is damaged.",
        "--text-ru",
        "В районе Воля не работает интернет. Повреждён кабель.",
        *extra,
    )
    return asyncio.run(newest(hotline))


async def newest(hotline: Hotline) -> Outage:
    """Read back what was published last, from the database."""
    database = Database(hotline.settings)
    try:
        live = await Announcements(database, clip_folder(hotline.settings).parent).live(datetime.now(UTC))
    finally:
        await database.close()
    version = max(live, key=lambda each: each.at)
    now = variant(version, datetime.now(UTC), ZoneInfo(hotline.settings.timezone))
    return Outage(
        version.announcement_id,
        {
            language: [clips[which].file for which in sorted(clips, key=lambda which: which != now)]
            for language, clips in version.clips.items()
        },
    )


@pytest.fixture
def outage(hotline: Hotline) -> Iterator[Outage]:
    """An outage that is live at the controller."""
    posted = post(hotline)
    time.sleep(1.0)  # live within 2 s, tests/calls/test_speed measures it
    yield posted
    hotline.cli("announce", "end", posted.id)
    time.sleep(1.0)
