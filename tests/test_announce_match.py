"""Who hears which announcement, how surely, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.announce.match import Match, match
from ivr.announce.model import ENDED, LIVE, Target, Version, service_name
from ivr.area import area_path
from ivr.call import Customer
from tests.support.desk import NOW

WOLA = "pl/mazowieckie/warszawa/wola"
JAN = Customer("+48221234567", "A1", "Jan", WOLA + "/node-17", "pl")


def _target(kept: dict[str, str]) -> Target:
    area = kept.pop("area", "")
    return Target(areas=(area,) if area else (), **kept)


def announced(name: str, service: str = "", minutes_ago: int = 0, **target: str) -> Version:
    at = NOW - timedelta(minutes=minutes_ago)
    return Version(name, 1, LIVE, "ops", at, _target(target), service, {"pl": "x"}, None, NOW + timedelta(hours=1))


def heard(
    *versions: Version,
    customer: Customer | None = JAN,
    number: str = "+48221234567",
    dnis: str = "100",
    service: str = "",
) -> tuple[Match, ...]:
    return match(versions, number=number, dnis=dnis, customer=customer, service=service, now=NOW)


def names(found: tuple[Match, ...]) -> list[str]:
    return [each.version.announcement_id for each in found]


@pytest.mark.parametrize(
    ("target", "customer", "certain", "why"),
    [
        ({"area": WOLA}, JAN, True, f"area {WOLA} contains the customer's area {WOLA}/node-17"),
        ({"area": WOLA + "/node-17"}, JAN, True, f"area {WOLA}/node-17 contains the customer's area {WOLA}/node-17"),
        ({"dnis": "100"}, None, True, "number 100 was dialled"),
        ({}, None, True, "it is for everyone"),
        ({"prefix": "+4822"}, None, False, "the caller's number begins with +4822"),
        (
            {"prefix": "+4822", "dnis": "100"},
            None,
            False,
            "the caller's number begins with +4822; number 100 was dialled",
        ),
        ({"area": WOLA, "prefix": "+4822"}, None, False, "the caller's number begins with +4822"),
    ],
)
def test_what_concerns_a_caller(target: dict[str, str], customer: Customer | None, certain: bool, why: str) -> None:
    """Areas, numbers dialled and everyone are sure; a number's beginning is not."""
    (found,) = heard(announced("a", **target), customer=customer)

    assert (certain, why) == (found.certain, found.why)


@pytest.mark.parametrize(
    ("target", "customer"),
    [
        ({"area": WOLA + "/node-1"}, JAN),
        ({"area": "pl/mazowieckie/warszawa/wo"}, JAN),
        ({"area": WOLA}, replace(JAN, area="pl/mazowieckie/warszawa")),
        ({"area": WOLA}, None),
        ({"dnis": "101"}, JAN),
        ({"prefix": "+4812"}, None),
        ({"area": WOLA, "dnis": "101"}, JAN),
        ({"area": "pl/mazowieckie/warszawa/ochota", "prefix": "+4822"}, JAN),
    ],
)
def test_what_does_not(target: dict[str, str], customer: Customer | None) -> None:
    """Half a name is no area; a known address outweighs the number's beginning."""

    assert () == heard(announced("a", **target), customer=customer)


def test_the_longest_match_wins() -> None:
    """Of one service, only the announcement that knows most about the caller is heard."""
    everyone, city = announced("all"), announced("city", area="pl/mazowieckie/warszawa")
    node, dialled = announced("node", area=WOLA + "/node-17"), announced("dialled", dnis="100")

    assert ["node"] == names(heard(everyone, city, node, dialled))
    assert ["dialled"] == names(heard(everyone, dialled))
    assert ["dialled"] == names(heard(dialled, announced("number", prefix="+48221")))
    assert ["long"] == names(heard(announced("short", prefix="+48"), announced("long", prefix="+4822"), customer=None))


def test_of_equal_ones_the_newest_wins() -> None:
    """Two announcements for one area and service: the later one is heard, whatever their order."""
    old, new = announced("b", minutes_ago=9, area=WOLA), announced("c", area=WOLA)

    assert ["c"] == names(heard(old, new))
    assert ["c"] == names(heard(new, old))


def test_different_services_are_all_heard() -> None:
    """The surest first."""
    internet, tv = announced("net", "internet", area=WOLA), announced("tv", "tv", area=WOLA + "/node-17")

    assert ["tv", "net"] == names(heard(internet, tv))


def test_a_service_asked_for_leaves_out_the_others() -> None:
    """Announcements without a service concern all of them."""
    versions = announced("net", "internet"), announced("tv", "tv"), announced("all")

    assert ["all", "net"] == sorted(names(heard(*versions, service="internet")))


@pytest.mark.parametrize("class_", ["vip", "medical", "business"])
def test_these_classes_are_never_ended(class_: str) -> None:
    """And the trace says so."""
    (found,) = heard(announced("a", area=WOLA), customer=replace(JAN, class_=class_))

    assert not found.may_end
    assert found.why.endswith(f"a {class_} customer's call is not ended")


def test_whether_other_calls_end_is_the_flow_s_decision() -> None:
    """Before a menu nobody has said what he calls about; a caller who is not known may be ended as well."""
    outage = announced("a", "internet", area=WOLA)

    assert [True] == [each.may_end for each in heard(outage)]
    assert [True] == [each.may_end for each in heard(announced("a"), customer=None, service="internet")]


def test_ended_and_expired_ones_are_silent() -> None:
    """Ended by ops or past its end: not heard from that moment on."""
    ended = replace(announced("a"), state=ENDED)
    expired = replace(announced("b"), until=NOW)
    last_second = replace(announced("c"), until=NOW + timedelta(seconds=1))

    assert ["c"] == names(heard(ended, expired, last_second))


@pytest.mark.parametrize("text", ["", "/", "a//b", "a b", "a/../b", "../etc", "a\n/b", "x" * 201, "a/-b", "a;b"])
def test_what_is_no_area(text: str) -> None:
    """Only names with / between them are."""

    with pytest.raises(ValueError, match="is not an area"):
        area_path(text)


def test_areas_and_services_have_one_spelling() -> None:
    """Case, spaces around and slashes at the ends do not matter; letters of any language do."""

    assert "pl/łódź/bałuty-1" == area_path(" /PL/Łódź/Bałuty-1/ ")
    assert "internet" == service_name(" Internet ")
    with pytest.raises(ValueError, match="is not a service"):
        service_name("the internet")
