"""Two customers and a publisher whose voices cost nothing, for tests of how announcements are published."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.announce.model import Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from tests.support.desk import NOW, FakeMaker, desk_settings, opened

WOLA = Target(areas=("pl/mazowieckie/warszawa/wola",))
TEXTS = {"pl": "Awaria na Woli.", "en": "No internet.", "ru": "Нет сети."}
OUTAGE = Draft(WOLA, TEXTS, "internet", NOW + timedelta(hours=3))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        await Customers(database, database.settings)._write(
            [
                Customer("+48221234567", "A1", "Jan", WOLA.areas[0] + "/node-17"),
                Customer("+48221234568", "A2", "Ola", "pl/x"),
            ],
            None,
        )
        yield database


@pytest.fixture
def publisher(database: Database) -> Publisher:
    return Publisher(database, database.settings, maker=FakeMaker())
