"""Customers by what keys can tell: digits of accounts and postcodes."""

from __future__ import annotations

import pytest

from ivr.call import Customer
from ivr.desk.customer_index import common_area, index

WOLA, MOKOTOW = "pl/mazowieckie/warszawa/wola", "pl/mazowieckie/warszawa/mokotow"


def customers(*rows: tuple[str, str, str, str]) -> dict[str, Customer]:
    return {number: Customer(number, account, "", area, postcode=postcode) for number, account, area, postcode in rows}


def test_accounts_are_found_by_their_digits() -> None:
    """Keys have no letters, dashes or spaces; of several numbers of one account the first counts."""
    known = customers(("+481", "PL-10 01/A", WOLA, ""), ("+482", "PL-10 01/A", MOKOTOW, ""), ("+483", "", WOLA, ""))
    found = index(known)

    assert {"1001": known["+481"]} == found.accounts
    assert known == found.numbers


def test_accounts_that_keys_cannot_tell_apart_find_nobody() -> None:
    """A1001 and B1001 are two customers: neither may pass for the other."""

    assert {} == index(customers(("+481", "A1001", WOLA, ""), ("+482", "B1001", WOLA, ""))).accounts


def test_the_area_of_a_postcode() -> None:
    """The deepest that all its customers live in; none when they have nothing in common."""
    known = customers(
        ("+481", "", f"{WOLA}/node-1", "01-234"), ("+482", "", f"{WOLA}/node-2", "01234"),
        ("+483", "", "pl/a", "55-555"), ("+484", "", "de/a", "55-555"), ("+485", "", WOLA, "00-001"),
    )  # fmt: skip

    assert {"01234": WOLA, "00001": WOLA} == index(known).postcodes


@pytest.mark.parametrize(
    ("areas", "common"),
    [((WOLA,), WOLA), ((WOLA, MOKOTOW), "pl/mazowieckie/warszawa"), (("a/b", "a/bc"), "a"), (("a", "b"), "")],
)
def test_common_areas(areas: tuple[str, ...], common: str) -> None:
    """By whole names."""

    assert common == common_area(areas)
