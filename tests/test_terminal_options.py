"""What `ivr dialplan try` is told, what the database adds to it, and what a moved time means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.announce.model import Target
from ivr.announce.publish import Draft, Publisher
from ivr.call import Customer
from ivr.desk.customers import Customers
from ivr.errors import InputError
from ivr.flow.asked import KEPT_FOR_COMMANDS, lettered
from ivr.flow.commands import Fetched, Queued
from ivr.flow.moment import read_moment
from ivr.flow.world import Who
from ivr.settings import Settings
from ivr.terminal.keep import add_scenario
from ivr.terminal.known import look_up
from ivr.terminal.options import CALLER, Options, number_of, situation_of
from tests.support.desk import NOW, FakeMaker, desk_settings, opened
from tests.support.flows import END, NUMBERS, WEBHOOKS, dialplans

PLANS = dialplans('title = "t"\nstart = "end"\nrescue = "end"\n' + END, numbers=NUMBERS + WEBHOOKS)
ZONE = ZoneInfo("Europe/Warsaw")
AT = datetime(2026, 11, 23, 15, 4, 5, tzinfo=ZONE)
UNTIL = datetime.now(ZONE) + timedelta(days=30)  # the database tells only what is still to be heard
JAN = Customer("+48221234567", "A-17", "Jan", "pl/mazowieckie/warszawa/wola", "ru", "vip", "01-234")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+10m", datetime(2026, 11, 23, 15, 14, 5)),
        ("-2h", datetime(2026, 11, 23, 13, 4, 5)),
        ("+1d", datetime(2026, 11, 24, 15, 4, 5)),
        (" + 30 s ", datetime(2026, 11, 23, 15, 4, 35)),
        ("18:00", datetime(2026, 11, 23, 18, 0)),
        ("8:30", datetime(2026, 11, 23, 8, 30)),
        ("2026-12-25", datetime(2026, 12, 25, 15, 4, 5)),
        ("2026-12-25T10:00", datetime(2026, 12, 25, 10, 0)),
    ],
)
def test_a_moment_is_read_as_it_is_typed(text: str, expected: datetime) -> None:
    """Steps, times of the day, days, both; in the zone of the hotline."""
    assert expected.replace(tzinfo=ZONE) == read_moment(text, AT)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_one_clear_error(text: str) -> None:
    """Never a crash."""
    try:
        said = str(read_moment(text, AT).tzinfo)
    except ValueError as error:
        said = str(error)

    assert said == "Europe/Warsaw" or said.startswith("UTC") or "expected +10m" in said


@given(st.lists(st.from_regex("[a-z][a-z_]{0,9}", fullmatch=True), unique=True, min_size=1, max_size=9))
def test_every_answer_has_a_key_of_its_own(outcomes: list[str]) -> None:
    """None of them is a command of the terminal."""
    keys = [choice.key for choice in lettered([(outcome, "") for outcome in outcomes])]

    assert len(set(keys)) == len(outcomes)
    assert not set(keys) & set(KEPT_FOR_COMMANDS)


def test_a_situation_holds_all_that_is_told() -> None:
    """Customer, accounts, facts, webhooks, queues, targets, calendars."""
    found = situation_of(
        Options(
            "100", at="18:00", opened=("office",), queues=("support=*",), transfers=("reception=busy",),
            webhooks=("crm=paid",), facts=("repeat=3", "waiting.support=12"), customer="class=vip,area=pl/mazowieckie",
            accounts=("12345=pl/lodzkie",),
        ), PLANS, AT,
    )  # fmt: skip

    assert (found.at.hour, found.caller, found.customer) == (18, CALLER, Who("pl/mazowieckie", "vip"))
    assert (found.queues, found.transfers) == ({"support": Queued("key", "*")}, {"reception": "busy"})
    assert (found.webhooks, found.open) == ({"crm": Fetched("answered", "paid")}, {"office": True})
    assert (found.facts, found.accounts) == ({"repeat": 3, "waiting.support": 12}, {"12345": Who("pl/lodzkie")})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options("100", facts=("repaet=3",)), "--fact: there is no fact 'repaet'; expected one of"),
        (Options("100", facts=("var.x=3",)), "--fact: var.x is a variable, which the flow sets; expected another fact"),
        (Options("100", facts=("waiting.suport=3",)), "--fact: there is no queue 'suport'"),
        (Options("100", webhooks=("crn=paid",)), "no webhook 'crn'; did you mean 'crm'?"),
        (Options("100", webhooks=("crm",)), "--webhook: expected NAME=RESULT"),
        (Options("100", customer="clas=vip"), "--customer: unknown 'clas', expected class=vip"),
        (Options("100", customer="class=vipp"), "no class 'vipp'; did you mean 'vip'?"),
        (Options("100", customer="area=//"), "--customer: '//' is not an area"),
        (Options("100", accounts=("12a=pl",)), "--account: '12a=pl', expected DIGITS=AREA"),
        (Options("100", announce=(" ",)), "--announce: the text is empty"),
        (Options("100", at="noon"), "--at: 'noon' is not a time, expected one such as 2026-12-25T10:00"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_nearest_name(options: Options, expected: str) -> None:
    """Each option names itself."""
    with pytest.raises(InputError) as error:
        situation_of(options, PLANS, AT)

    assert str(error.value).startswith(expected)


@pytest.mark.parametrize(("class_", "ends"), [("normal", True), ("vip", False), ("medical", False)])
def test_a_told_announcement_ends_no_call_that_a_real_one_would_not(class_: str, ends: bool) -> None:
    """As announce/match.py: not those of medical, vip and business customers."""
    found = situation_of(Options("100", announce=("Outage.",), customer=f"class={class_}"), PLANS, AT)

    assert [each.announcement.may_end for each in found.known] == [ends]


def test_a_number_nobody_answers_is_named() -> None:
    """With the nearest."""
    with pytest.raises(InputError, match="no number '1000'; did you mean '100'"):
        number_of("1000", PLANS)


@pytest.fixture
async def hotline(tmp_path: Path) -> Settings:
    """A database with one customer and one announcement for where he lives, expected to end at 18:00."""
    settings = desk_settings(tmp_path)
    async with opened(settings) as database:
        await Customers(database, settings)._write([JAN], None)
        publisher = Publisher(database, settings, maker=FakeMaker())
        draft = Draft(Target(areas=("pl/mazowieckie",)), {"pl": "Awaria."}, "internet", NOW + timedelta(hours=3), UNTIL)
        await publisher.post(draft, "ops", NOW, confirmed=True)
    return settings


async def in_thread(work: Callable[[], object]) -> object:
    """Run what runs an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(work)


async def test_the_database_knows_caller_accounts_and_what_is_live(hotline: Settings) -> None:
    """His class, area and language; digits of accounts and postcodes; the announcement's whole wording."""
    known = await in_thread(lambda: look_up(hotline, "221234567", "100", announcements=True))

    assert known.customer == Who("pl/mazowieckie/warszawa/wola", "vip", "ru")
    assert (known.accounts["17"], known.numbers["17"]) == (known.customer, JAN.number)
    assert known.postcodes == {"01234": Who("pl/mazowieckie/warszawa/wola")}
    found = known.live("221234567", "pl", "internet", NOW)
    assert [each.certain for each in found] == [True]
    assert "Awaria. Przewidywany czas usunięcia awarii: 18:00." in known.texts.values()
    assert known.live("221234567", "pl", "internet", UNTIL) == ()
    assert known.live("+48999999999", "pl", "internet", NOW) == ()


def test_a_missing_database_is_one_line(tmp_path: Path) -> None:
    """The caller is unknown then; the call goes on."""
    settings = desk_settings(tmp_path)
    (tmp_path / "hotline.db").unlink()
    known = look_up(settings, "221234567", "100", announcements=True)

    assert known.note.startswith("the caller is unknown, nothing is live: the database ")
    assert (known.customer, known.live, "\n" in known.note) == (None, None, False)


def test_scenarios_are_added_under_names_of_their_own(tmp_path: Path) -> None:
    """The same call kept twice: the second gets a number; what was there stays."""
    file = tmp_path / "scenarios" / "tried.toml"
    names = [add_scenario(file, '[scenarios.a]\nends = "agent"\n') for _ in range(3)]

    assert ["a", "a_2", "a_3"] == names
    assert file.read_text("utf-8").count("ends") == 3


def test_a_file_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    """The folder is a file."""
    (tmp_path / "x").write_text("")

    with pytest.raises(InputError, match="cannot be written"):
        add_scenario(tmp_path / "x" / "y.toml", "[scenarios.a]\n")
