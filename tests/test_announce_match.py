"""Who hears which announcement, how surely, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.announce.match import Match, match
from ivr.announce.model import (
    CONTINUE,
    END,
    ENDED,
    INFO,
    KINDS,
    LIVE,
    OFFER,
    OUTAGE,
    PLANNED,
    RESTORED,
    Target,
    Version,
    service_name,
)
from ivr.area import area_path
from ivr.call import CLASSES, Customer
from tests.support.desk import NOW

WOLA = "pl/mazowieckie/warszawa/wola"
JAN = Customer("+48221234567", "A1", "Jan", WOLA + "/node-17", "pl")


def announced(name: str, service: str = "", minutes_ago: int = 0, kind: str = OUTAGE, **target: Any) -> Version:
    """Return a live version; area  one of the target's areas."""
    at = NOW - timedelta(minutes=minutes_ago)
    area = target.pop("area", "")
    meant = Target(**{"areas": (area,) if area else (), **target})
    return Version(name, 1, LIVE, "ops", at, meant, service, {"pl": "x"}, None, NOW + timedelta(hours=1), kind=kind)


def heard(
    *versions: Version,
    customer: Customer | None = JAN,
    number: str = "+48221234567",
    dnis: str = "100",
    service: str = "",
    project: str = "provider",
) -> tuple[Match, ...]:
    return match(
        versions, number=number, dnis=dnis, customer=customer, service=service, now=NOW, project=project
    )  # fmt: skip


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
        ({"areas": ("pl/x", WOLA)}, JAN, True, f"area {WOLA} contains the customer's area {WOLA}/node-17"),
        ({"node": "node-17"}, JAN, True, f"node {WOLA}/node-17 contains the customer's area {WOLA}/node-17"),
        ({"node": "wola"}, JAN, True, f"node {WOLA} contains the customer's area {WOLA}/node-17"),
        ({"numbers": ("A1",)}, JAN, True, "the caller is listed"),
        ({"numbers": ("+48221234567",)}, None, True, "the caller is listed"),
        ({"numbers": ("A9",), "area": WOLA}, JAN, True, f"area {WOLA} contains the customer's area {WOLA}/node-17"),
        ({"project": "provider"}, None, True, "project provider"),
        ({"classes": ("normal", "vip")}, JAN, True, "a normal customer"),
        (
            {"area": WOLA, "classes": ("normal",), "dnis": "100"},
            JAN,
            True,
            f"area {WOLA} contains the customer's area {WOLA}/node-17; number 100 was dialled; a normal customer",
        ),
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
        ({"node": "node-1"}, JAN),
        ({"node": "node-17"}, None),
        ({"node": "node-17", "prefix": "+4822"}, replace(JAN, area="pl/x")),
        ({"numbers": ("A2", "+48221234568")}, JAN),
        ({"numbers": ("",)}, replace(JAN, account="")),
        ({"project": "other"}, JAN),
        ({"area": WOLA, "project": "other"}, JAN),
        ({"classes": ("vip",)}, JAN),
        ({"classes": ("normal",)}, None),
        ({"classes": ("normal",)}, Customer("", "", "", WOLA)),
        ({"area": WOLA, "classes": ("vip",)}, JAN),
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


def test_the_order_of_what_is_known() -> None:
    """Of the documented order each beats all that stand below it, however new those are."""
    order = [
        announced("listed", minutes_ago=9, numbers=("A1",)),
        announced("node", minutes_ago=8, node="node-17"),
        announced("area", minutes_ago=7, area=WOLA),
        announced("class", minutes_ago=6, classes=("normal",)),
        announced("number", minutes_ago=5, dnis="100"),
        announced("project", minutes_ago=4, project="provider"),
        announced("long", minutes_ago=3, prefix="+48221"),
        announced("short", minutes_ago=2, prefix="+48"),
        announced("everyone"),
    ]
    for n in range(len(order)):
        assert [order[n].announcement_id] == names(heard(*reversed(order[n:])))


def test_a_narrower_one_of_the_same_area_wins() -> None:
    """Those for some of its customers, or of its callers, know more than the one for all of them."""
    whole, some = announced("whole", area=WOLA), announced("some", minutes_ago=9, area=WOLA, classes=("normal",))

    assert ["some"] == names(heard(whole, some))
    assert ["dialled"] == names(heard(whole, announced("dialled", minutes_ago=9, area=WOLA, dnis="100")))


def test_kinds_do_not_hide_each_other() -> None:
    """An outage, then planned work, then anything else, even where the last knows most about the caller."""
    info, work = announced("info", kind=INFO, area=WOLA), announced("work", kind=PLANNED, area=WOLA)

    assert ["outage", "work", "info"] == names(heard(info, work, announced("outage")))


def test_what_is_over_hides_nothing() -> None:
    """Who is told that it works again may be concerned by another outage; alone it is heard, and ends no call."""
    over = replace(announced("over", area=WOLA), state=RESTORED)
    (alone,) = heard(over)

    assert ["out"] == names(heard(over, announced("out", minutes_ago=9)))
    assert (False, CONTINUE) == (alone.may_end, alone.after)


CUSTOMERS = st.none() | st.builds(
    Customer, st.just("+48221234567"), st.sampled_from(["", "A1"]), st.just("Jan"),
    st.sampled_from(["", "a", "a/b", "a/b/c"]), class_=st.sampled_from(CLASSES),
)  # fmt: skip
TARGETS = st.builds(
    Target, st.lists(st.sampled_from(["a", "a/b", "a/b/c", "b"]), max_size=2).map(tuple),
    st.sampled_from(["", "100", "101"]), st.sampled_from(["", "+48", "+4822", "+49"]),
    st.sampled_from(["", "provider", "other"]), st.lists(st.sampled_from(CLASSES), max_size=2).map(tuple),
    st.sampled_from(["", "b", "c"]), st.lists(st.sampled_from(["A1", "A2", "+48221234567"]), max_size=1).map(tuple),
)  # fmt: skip
VERSIONS = st.lists(
    st.builds(
        lambda n, target, service, kind, state, minutes: replace(
            announced(str(n), service, minutes, kind), target=target, state=state
        ),
        st.integers(0, 99), TARGETS, st.sampled_from(["", "tv"]), st.sampled_from(KINDS),
        st.sampled_from([LIVE, RESTORED, ENDED]), st.integers(0, 3),
    ),
    max_size=8, unique_by=lambda version: version.announcement_id,
)  # fmt: skip


@given(VERSIONS, CUSTOMERS, st.randoms())
def test_whatever_is_announced_the_best_of_each_kind_and_service_is_heard(
    versions: list[Version], customer: Customer | None, chance: Random
) -> None:
    """Exactly one of each that concerns him, the one that alone ranks highest, in whatever order they come."""
    found = heard(*versions, customer=customer)
    alone = [hit for version in versions for hit in heard(version, customer=customer)]
    shuffled = list(versions)
    chance.shuffle(shuffled)

    assert found == heard(*shuffled, customer=customer)
    assert {(hit.version.service, hit.version.kind) for hit in alone} == {
        (hit.version.service, hit.version.kind) for hit in found
    }
    for hit in found:
        rivals = [each for each in alone
                  if (each.version.service, each.version.kind) == (hit.version.service, hit.version.kind)]  # fmt: skip
        if hit.version.state == RESTORED:
            assert all(each.version.state == RESTORED for each in rivals)
        assert hit.rank == max(each.rank for each in rivals if each.version.state == hit.version.state)
    assert all(hit.certain for hit in found if not hit.version.target.prefix)


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


@pytest.mark.parametrize(
    ("change", "class_", "may_end", "after"),
    [
        ({}, "normal", True, END),
        ({"after": OFFER}, "normal", False, OFFER),
        ({"after": CONTINUE}, "normal", False, CONTINUE),
        ({}, "vip", False, OFFER),
        ({"after": CONTINUE}, "vip", False, CONTINUE),
        ({"kind": INFO}, "normal", False, OFFER),
    ],
)
def test_what_may_follow(change: dict[str, str], class_: str, may_end: bool, after: str) -> None:
    """What ops allows at most; a class that is never ended and what is no fault allow less."""
    (found,) = heard(replace(announced("a", area=WOLA), **change), customer=replace(JAN, class_=class_))

    assert (may_end, after) == (found.may_end, found.after)


def test_it_is_not_heard_before_it_starts() -> None:
    """Not a second earlier, and by itself."""
    waiting = replace(announced("a"), starts=NOW + timedelta(seconds=1))

    assert () == heard(waiting)
    assert ["a"] == names(heard(replace(waiting, starts=NOW)))


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
