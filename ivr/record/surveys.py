"""What callers answered in surveys, and what it comes to. Called by the command line; `store.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.record.model import SurveyAnswer


@dataclass(frozen=True)
class CallAnswer(SurveyAnswer):
    """An answer, the call it was given in and the agent who had talked to the caller, '' for none."""

    call_id: str
    agent_id: str


@dataclass(frozen=True)
class Result:
    """All answers to one question of a survey. answers  points -> how many gave them."""

    survey: str
    question: str
    answers: Mapping[int, int]

    @property
    def count(self) -> int:
        return sum(self.answers.values())

    @property
    def mean(self) -> float:
        return sum(points * many for points, many in self.answers.items()) / self.count


class Surveys:
    """Every answer. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def list(
        self, *, begin: datetime | None = None, end: datetime | None = None, last: int = 50
    ) -> tuple[CallAnswer, ...]:
        """Return the newest answers, newest first."""
        table, call = db.survey_answer.c, db.call.c
        query = (
            sa.select(table.survey, table.question, table.points, table.at, table.call_id, call.agent_id)
            .outerjoin_from(db.survey_answer, db.call, table.call_id == call.call_id)
            .where(_within(begin, end))
            .order_by(table.at.desc(), table.call_id, table.n.desc())
            .limit(last)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(CallAnswer(*row[:5], row[5] or "") for row in rows)

    async def report(self, *, begin: datetime | None = None, end: datetime | None = None) -> tuple[Result, ...]:
        """Return what each question came to, by survey and question."""
        table = db.survey_answer.c
        query = (
            sa.select(table.survey, table.question, table.points, sa.func.count())
            .where(_within(begin, end))
            .group_by(table.survey, table.question, table.points)
            .order_by(table.survey, table.question, table.points)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        found: dict[tuple[str, str], dict[int, int]] = {}
        for survey, question, points, many in rows:
            found.setdefault((survey, question), {})[points] = many
        return tuple(Result(*names, answers) for names, answers in found.items())


def _within(begin: datetime | None, end: datetime | None) -> sa.ColumnElement[bool]:
    at = db.survey_answer.c.at
    where = [at >= begin] if begin else []
    return sa.and_(sa.true(), *where, *([at < end] if end else []))
