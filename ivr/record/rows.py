"""Rows of the tables a call is kept in, cut to what their columns hold. Pure. Called by `store.py`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.call import TraceEntry
from ivr.record.hearing import Hearing
from ivr.record.model import CallRecord, SurveyAnswer


def call_row(record: CallRecord) -> dict[str, Any]:
    """Return the row of `call`."""
    return _fitting(db.call, asdict(record) | {"announcements": list(record.announcements)})


def trace_row(entry: TraceEntry, call_id: str, part: int, n: int) -> dict[str, Any]:
    """Return the row of `call_trace`. part, n  its place in the call."""
    row = {"call_id": call_id, "part": part, "n": n, "at_ms": part + entry.at_ms, "step": entry.step,
           "event": entry.event, "detail": entry.detail}  # fmt: skip
    return _fitting(db.call_trace, row)


def answer_row(answer: SurveyAnswer, call_id: str, part: int, n: int) -> dict[str, Any]:
    """Return the row of `survey_answer`."""
    return _fitting(db.survey_answer, asdict(answer) | {"call_id": call_id, "part": part, "n": n})


def hearing_row(hearing: Hearing, call_id: str, part: int, n: int) -> dict[str, Any]:
    """Return the row of `hearing`."""
    return _fitting(db.hearing, asdict(hearing) | {"call_id": call_id, "part": part, "n": n})


def _fitting(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """Cut texts to their columns, and drop NUL, which PostgreSQL refuses."""
    most = {column.name: getattr(column.type, "length", None) for column in table.columns}
    return {
        name: value.replace("\0", "")[: most[name]] if isinstance(value, str) else value for name, value in row.items()
    }
