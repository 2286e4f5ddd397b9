"""An outage announcement of the test district, live for one test."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.hotline import Hotline

DISTRICT = "pl/mazowieckie/warszawa/wola"


@dataclass(frozen=True)
class Outage:
    """A live announcement. clips  language -> stems of its audio, in playing order."""

    id: str
    clips: dict[str, list[str]]

    def names(self, language: str) -> list[str]:
        """Return the names the recogniser gives its clips."""
        return [f"{language}/announcement {Path(stem).name}" for stem in self.clips[language]]


def post(hotline: Hotline, *extra: str, area: str = DISTRICT) -> Outage:
    """Publish an outage of internet in a district, in three languages."""
    eta = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M+00:00")
    run = hotline.cli(
        "announce", "post", "--area", area, "--service", "internet", "--eta", eta,
        "--text-pl", "Na Woli nie działa internet. Uszkodzony jest kabel światłowodowy.",
        "--text-en", "The internet is down in Wola. A fibre cable is damaged.",
        "--text-ru", "В районе Воля не работает интернет. Повреждён кабель.", "--json", *extra,
    )
    answer = json.loads(run.stdout)
    return Outage(answer["id"], answer["clips"])


@pytest.fixture
def outage(hotline: Hotline) -> Iterator[Outage]:
    """An outage that is live at the controller."""
    posted = post(hotline)
    time.sleep(1.0)  # live within 2 s, tests/calls/test_speed measures it
    yield posted
    hotline.cli("announce", "end", posted.id)
    time.sleep(1.0)
