"""Types every operation of the API shares: texts and ids within bounds, times with a zone, the shape of an error."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

TEXT_MOST = 2000


def storable(text: str) -> str:
    """Return `text`; raises ValueError for what no database stores: NUL and halves of surrogate pairs."""
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise ValueError("text without NUL and without halves of surrogate pairs")
    return text


def printable(text: str) -> str:
    """Return `text`; raises ValueError when it holds a control character."""
    if not text.isprintable():
        raise ValueError("text without control characters")
    return text


def zoned(moment: datetime) -> datetime:
    """Return `moment`; raises ValueError for one that is no point in time or so far off that it cannot be converted."""
    if moment.tzinfo is None:
        raise ValueError("a time with its zone, such as 2026-11-23T14:20:00Z")
    if not 2000 <= moment.year <= 2200:
        raise ValueError("a time between the years 2000 and 2200")
    return moment


Text = Annotated[str, StringConstraints(max_length=TEXT_MOST), AfterValidator(storable)]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(printable)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:@+-]+$")]
Moment = Annotated[datetime, AfterValidator(zoned)]


class Problem(BaseModel):
    """What went wrong, in one sentence; what was expected; and the name that is most like a wrong one."""

    error: str = Field(examples=["there is no announcement '1a2b'"])
    expected: str = ""
    nearest: str = ""
