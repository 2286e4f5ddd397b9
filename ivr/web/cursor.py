"""Where the next page of a list begins: after the last row of this one, by its time and id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from ivr.errors import InputError

Cursor = Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x20-\x7e]*$")]


def cursor_of(at: datetime, row_id: str) -> str:
    """Return the cursor after this row."""
    return f"{at.isoformat()}~{row_id}"


def read_cursor(text: str) -> tuple[datetime, str] | None:
    """Return the row a cursor stands after, None for ''. Raises InputError for what is none."""
    if not text:
        return None
    at, _, row_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not row_id:
            raise ValueError
    except ValueError:
        raise InputError("`after` is not the place of a row; expected what the page before gave") from None
    return moment, row_id
