"""Which numbers may be called back: whole national numbers of ordinary rate, nothing that costs more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.number import CALLED_BACK, NEVER_CALLED_BACK, to_call_back


@pytest.mark.parametrize(
    ("given_as", "called"),
    [
        ("+48221234567", "+48221234567"),
        ("221234567", "+48221234567"),
        ("0221234567", "+48221234567"),
        ("0048 601 999 888", "+48601999888"),
        ("601-999-888", "+48601999888"),
        ("48601999888", "+48601999888"),
        ("٦٠١٩٩٩٨٨٨", "+48601999888"),
    ],
)
def test_national_numbers_are_called_back(given_as: str, called: str) -> None:
    """However they are written."""
    assert called == to_call_back(given_as, "48")


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("", "no number"),
        ("anonymous", "not a telephone number"),
        ("112", "short"),
        ("999", "short"),
        ("19115", "short"),
        ("*11", "not a telephone number"),
        ("+48112", "expected 7 to 15"),
        ("+48601999", "no whole national number"),
        ("+486019998887", "no whole national number"),
        ("+48700123456", "special rate"),
        ("700123456", "special rate"),
        ("0700123456", "special rate"),
        ("0048801123456", "special rate"),
        ("800123456", "special rate"),
        ("+48300123456", "special rate"),
        ("+48400123456", "special rate"),
        ("+48208123456", "special rate"),
        ("+4915112345678", "abroad"),
        ("004915112345678", "abroad"),
        ("+88213123456", "abroad"),
        ("+19005551234", "abroad"),
        ("+882131234567890", "abroad"),
        ("+48392123456", "no prefix"),
        ("+48601999888;phone-context=x", "not a telephone number"),
        ("+48601999888@192.0.2.1", "not a telephone number"),
        ("${HOTLINE_AGI_TOKEN}", "not a telephone number"),
        ("601999888\r\nChannel: x", "not a telephone number"),
    ],
)
def test_everything_else_is_refused(refused: str, why: str) -> None:
    """Short, foreign, satellite, premium, withheld, and text that is no number."""
    with pytest.raises(ValueError, match=why):
        to_call_back(refused, "48")


def test_prefixes_narrow_and_widen_but_never_to_special_rates() -> None:
    """The setting replaces the country's list; what is never called stays so."""
    assert to_call_back("+48392123456", "48", ("39",)) == "+48392123456"
    with pytest.raises(ValueError, match="no prefix"):
        to_call_back("+48601999888", "48", ("22",))
    with pytest.raises(ValueError, match="special rate"):
        to_call_back("+48700123456", "48", ("7",))


def test_a_country_without_a_list_needs_the_setting() -> None:
    """Nothing is called there by default."""
    with pytest.raises(ValueError, match="HOTLINE_CALLBACK_PREFIXES"):
        to_call_back("+493012345678", "49")
    assert to_call_back("+493012345678", "49", ("30",)) == "+493012345678"


@given(st.text(max_size=24) | st.from_regex(r"\+?[0-9*# -]{1,20}", fullmatch=True))
def test_what_is_called_is_always_a_plain_national_number(text: str) -> None:
    """Whatever goes in: ValueError, or digits of the country's own numbering."""
    try:
        number = to_call_back(text, "48")
    except ValueError:
        return

    assert number.isascii()
    assert len(number) == 12
    assert number.startswith("+48")
    assert number[3:].startswith(CALLED_BACK["48"])
    assert not number[3:].startswith(NEVER_CALLED_BACK["48"])
