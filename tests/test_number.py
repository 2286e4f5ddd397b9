"""Telephone numbers in every spelling become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.number import normalise


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("48221234567", "+48221234567"),
        ("+48221234567", "+48221234567"),
        ("0048221234567", "+48221234567"),
        ("221234567", "+48221234567"),
        ("0221234567", "+48221234567"),
        ("+48 (22) 123-45.67", "+48221234567"),
        ("22 123 45 67", "+48221234567"),
        ("486123456", "+48486123456"),
        ("４８２２１２３４５６７", "+48221234567"),
        ("＋48٢٢١٢٣٤٥٦٧", "+48221234567"),
        ("4915112345678", "+4915112345678"),
        ("+15551234567", "+15551234567"),
    ],
)
def test_spellings_of_one_number(written: str, expected: str) -> None:
    """International, national, bracketed, full-width: always E.164."""

    assert expected == normalise(written, "48")


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "no number"),
        ("+", "no number"),
        ("anonymous", "not a telephone number"),
        ("22123456x", "not a telephone number"),
        ("112", "short number"),
        ("12345678", "has 8 digits"),
        ("48221234", "has 8 digits"),
        ("+012345678", "begins with 0"),
        ("+1234567890123456", "has 16 digits"),
        ("22+1234567", "not a telephone number"),
        ("221234567\n+48", "not a telephone number"),
    ],
)
def test_what_is_no_number_is_said(written: str, wrong: str) -> None:
    """Words, short codes and wrong lengths are refused by name."""

    with pytest.raises(ValueError, match=wrong):
        normalise(written, "48")


@pytest.mark.parametrize(
    ("written", "code", "expected"),
    [
        ("89161234567", "7", "+79161234567"),
        ("9161234567", "7", "+79161234567"),
        ("5551234567", "1", "+15551234567"),
        ("030123456", "49", "+4930123456"),
        ("4930123456789", "49", "+4930123456789"),
    ],
)
def test_other_countries(written: str, code: str, expected: str) -> None:
    """The trunk prefix and the length of national numbers depend on the country."""

    assert expected == normalise(written, code)


@given(st.text(max_size=40), st.sampled_from(["48", "7", "1", "49", "380"]))
def test_any_text_is_a_number_or_a_value_error(text: str, code: str) -> None:
    """Nothing else comes out, and what comes out stays itself."""
    try:
        number = normalise(text, code)
    except ValueError:
        return

    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert number == normalise(number, code)
