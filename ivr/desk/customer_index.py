"""Customers by what a caller can tell with keys: his account number, his postcode. Pure; used by `announce/live.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from ivr.call import Customer


@dataclass(frozen=True)
class CustomerIndex:
    """All customers. accounts, postcodes  by their digits, for keys have no letters; a postcode's value is its area."""

    numbers: Mapping[str, Customer] = field(default_factory=dict)
    accounts: Mapping[str, Customer] = field(default_factory=dict)
    postcodes: Mapping[str, str] = field(default_factory=dict)


def index(customers: Mapping[str, Customer]) -> CustomerIndex:
    """Return `customers`, by number, as an index.

    Accounts that differ only in letters are left out: nobody can tell which was meant. Of several numbers of one
    account the first counts. The area of a postcode is the deepest one that all its customers live in.
    """
    accounts: dict[str, Customer] = {}
    unclear: set[str] = set()
    areas: dict[str, str] = {}
    for number in sorted(customers):
        customer = customers[number]
        digits = digits_of(customer.account)
        if digits and accounts.setdefault(digits, customer).account != customer.account:
            unclear.add(digits)
        if digits := digits_of(customer.postcode):
            areas[digits] = common_area((areas[digits], customer.area)) if digits in areas else customer.area
    return CustomerIndex(
        customers,
        {digits: customer for digits, customer in accounts.items() if digits not in unclear},
        {digits: area for digits, area in areas.items() if area},
    )


def digits_of(text: str) -> str:
    """Return the digits 0 to 9 of `text`, in their order."""
    return "".join(char for char in text if char in "0123456789")


def common_area(areas: Iterable[str]) -> str:
    """Return the deepest area that holds all of `areas`, '' when none does."""
    levels = zip(*(area.split("/") for area in areas), strict=False)
    return "/".join(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))
