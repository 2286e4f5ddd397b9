"""Call records and traces in SQL, written in the background: no call ever waits for the database.

A session adds entries to its CallLog in memory; a writer stores what is new every FLUSH_S, many calls in one
transaction. A database that is away costs memory, up to a bound, then the oldest ended calls.
Called by `session.py` (begin), `app.py` (run, flush) and the command line (list, show).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError

from ivr import db, log
from ivr.call import Call, TraceEntry
from ivr.db import Database
from ivr.errors import DatabaseError, InputError, nearest
from ivr.flow.model import Number
from ivr.number import normalise
from ivr.record import trace as t
from ivr.record.hearing import Hearing
from ivr.record.model import CallRecord, SurveyAnswer
from ivr.record.rows import answer_row, call_row, hearing_row, trace_row

logger = log.logger(__name__)

FLUSH_S = 0.5
LIVING_S = 3.0  # a living call without urgent news is stored so often: a write costs more than a prompt
FLUSH_PATIENCE_S = 5.0
RETRY_S = (0.5, 5.0)  # after a failed write, first and longest
CALLS_AT_ONCE = 500  # written in one transaction
BACKLOG = 20_000  # ended calls kept in memory while the database is away
LAST_AGENT_DAYS = 30  # whom he talked to earlier is no reason to wait for
ENTRIES_MOST, ANSWERS_MOST, HEARINGS_MOST = 2000, 200, 200  # per call: bounds, flows are bounded far below them
AWAY = (OperationalError, InterfaceError, sa.exc.TimeoutError, OSError)  # these pass, others do not
Detail = str | int | float | bool | None | list[str]


class CallLog:
    """What one session writes down; nothing here waits or fails."""

    def __init__(self, records: Records, record: CallRecord, *, resumed: bool, monotonic: Callable[[], float]) -> None:
        self._records, self.record, self._monotonic = records, record, monotonic
        self._began, self.part = monotonic(), int(record.started_at.timestamp() * 1000)
        self.entries: list[TraceEntry] = []
        self.answers: list[SurveyAnswer] = []
        self.hearings: list[Hearing] = []
        self.written, self.answers_written, self.hearings_written = 0, 0, 0
        self.earlier: CallRecord | None = None
        self.look_for_earlier = resumed
        self.stored_at, self.urgent = monotonic(), False
        self._queued_ms: int | None = None
        self._answered_ms: int | None = None

    @property
    def place(self) -> tuple[str, int]:
        """The call and the part of it this log is of."""
        return self.record.call_id, self.part

    @property
    def language(self) -> str:
        return self.record.language

    @language.setter
    def language(self, language: str) -> None:
        self._set(language=language)

    def now_ms(self) -> int:
        """Return the milliseconds since the call, or this controller's part of it, began."""
        return int((self._monotonic() - self._began) * 1000)

    def add(self, event: str, step: str = "", **detail: Detail) -> None:
        """Write down that `event`, a word of ivr/record/trace.py, happened at `step`."""
        if len(self.entries) < ENTRIES_MOST:
            self.entries.append(TraceEntry(self.now_ms(), step, event, dict(detail)))
        self._learn(event, detail)
        self._records.changed(self)

    def queued(self, queue: str, position: int | None, step: str = "") -> None:
        """The call is in line; its wait began with the first one. position  None when an agent is free at once."""
        self._queued_ms = self.now_ms() if self._queued_ms is None else self._queued_ms
        self._set(queue=queue)
        self.add(t.QUEUED, step, queue=queue, position=position)

    def talked(self, agent_id: str, seconds: float, step: str = "") -> None:
        """The talk is over. seconds  its length, ringing included, used when the answer was not seen."""
        talk_ms = int(seconds * 1000) if self._answered_ms is None else self.now_ms() - self._answered_ms
        self._set(agent_id=agent_id, talk_ms=(self.record.talk_ms or 0) + talk_ms)
        self.add(t.TALK_ENDED, step, agent=agent_id, talk_ms=talk_ms)

    def surveyed(self, survey: str, question: str, points: int, step: str = "") -> None:
        """He answered a question of a survey."""
        if len(self.answers) < ANSWERS_MOST:
            at = self.record.started_at + timedelta(milliseconds=self.now_ms())
            self.answers.append(SurveyAnswer(survey, question, points, at))
        self.add(t.SURVEYED, step, survey=survey, question=question, points=points)

    def heard(self, hearing: Hearing, *, brief: bool, step: str = "") -> None:
        """It is known what came of an announcement he reached. brief  he heard only what was new."""
        if len(self.hearings) < HEARINGS_MOST:
            self.hearings.append(hearing)
        self._records.on_hearing(hearing)
        self.add(
            t.HEARD, step, announcement=hearing.announcement_id, version=hearing.version, percent=hearing.percent,
            nth=hearing.nth, brief=brief, where=hearing.where, outcome=hearing.outcome,
        )  # fmt: skip

    def finish(self, disposition: str, **fields: Any) -> None:
        """Close the record. fields  further columns of CallRecord."""
        if self._queued_ms is not None and self._answered_ms is None and self.record.wait_ms is None:
            self._set(wait_ms=self.now_ms() - self._queued_ms)
        ended_at = self.record.started_at + timedelta(milliseconds=self.now_ms())
        self._set(disposition=disposition, ended_at=ended_at, **fields)
        self.add(t.ENDED, disposition=disposition)
        self._records.ended(self)

    def _learn(self, event: str, detail: dict[str, Detail]) -> None:
        """Take from an entry what the record sums up."""
        if event in (t.PLAYED, t.INTERRUPTED):
            kind, _, name = str(detail.get("prompt", "")).partition(":")
            if kind == "announcement" and name not in self.record.announcements:
                self._set(announcements=(*self.record.announcements, name))
        elif event == t.HEARD:
            name = f"{detail.get('announcement')} v{detail.get('version')}"
            if name not in self.record.announcements:
                self._set(announcements=(*self.record.announcements, name))
        elif event == t.OFFERED:
            self._set(offers=self.record.offers + 1)
        elif event == t.QUEUED:
            self.urgent = True
        elif event == t.MOVED:
            self._set(queue=str(detail.get("queue", "")))
        elif event == t.ANSWERED:
            self.urgent = True
            self._answered_ms = self.now_ms()
            waited = None if self._queued_ms is None else self._answered_ms - self._queued_ms
            self._set(agent_id=str(detail.get("agent", "")), wait_ms=waited)
        elif event in (t.HUNG_UP, t.LADDER, t.ROUTER_LOST):
            self._set(end_reason=str(detail.get("by") or detail.get("why") or detail.get("error") or ""))

    def _set(self, **fields: Any) -> None:
        self.record = replace(self.record, **fields)


class Records:
    """Every call of this controller that is not yet fully stored, and what the database holds.

    on_call  told of every record that begins, and once more when it is complete.
    on_hearing  told of every announcement a call reached.
    """

    def __init__(
        self, database: Database, *, backlog: int = BACKLOG, monotonic: Callable[[], float] = time.monotonic,
        on_call: Callable[[CallRecord], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.database, self.backlog, self._monotonic, self.on_call = database, backlog, monotonic, on_call
        self._dirty: dict[tuple[str, int], CallLog] = {}  # oldest change first
        self._over: dict[tuple[str, int], CallLog] = {}  # of these the ended ones, oldest end first
        self._lock = asyncio.Lock()
        self._unnamed = itertools.count(1)
        self.dropped = 0
        self._lost = False
        self.on_hearing: Callable[[Hearing], None] = lambda _: None

    @property
    def unwritten(self) -> int:
        """How many calls have something the database does not know yet."""
        return len(self._dirty)

    # -- what a session uses

    def begin(
        self, call: Call, started_at: datetime, *, number: Number | None = None, language: str = "",
        flow_version: str = "", resumed: bool = False,
    ) -> CallLog:  # fmt: skip
        """Return the log of a call. resumed  another controller had it before: its part is kept."""
        record = CallRecord(
            call.call_id or f"unnamed-{started_at.timestamp():.0f}-{next(self._unnamed)}",
            self._number(call.ani), call.dnis, number.project if number else "", number.flow if number else "",
            flow_version, language, started_at.astimezone(UTC),
        )  # fmt: skip
        calllog = CallLog(self, record, resumed=resumed, monotonic=self._monotonic)
        self.changed(calllog)
        self.on_call(record)
        return calllog

    def changed(self, calllog: CallLog) -> None:
        """A log has something to store."""
        self._dirty.setdefault((calllog.record.call_id, calllog.part), calllog)

    def ended(self, calllog: CallLog) -> None:
        """A log is complete; too many of them waiting for the database are dropped, the oldest first."""
        self.on_call(calllog.record)
        self._over[calllog.record.call_id, calllog.part] = calllog
        while len(self._over) > self.backlog:
            oldest = next(iter(self._over))
            del self._over[oldest]
            self._dirty.pop(oldest, None)
            self.dropped += 1
            if self.dropped == 1 or self.dropped % 1000 == 0:
                logger.error("call records dropped: the database is away too long", dropped=self.dropped)

    def _number(self, ani: str) -> str:
        try:
            return normalise(ani, self.database.settings.country_code)
        except ValueError:
            return ani

    # -- the writer

    async def run(self) -> None:
        """Store what is new, for ever."""
        pause = FLUSH_S
        while True:
            await asyncio.sleep(pause)
            pause = FLUSH_S if await db.to_the_end(self._store()) else min(max(pause, RETRY_S[0]) * 2, RETRY_S[1])

    async def flush(self) -> None:
        """Store everything now, before the process ends; gives up on a dead database after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_PATIENCE_S):
                for _ in range(int(FLUSH_PATIENCE_S / RETRY_S[0])):
                    if await db.to_the_end(self._store(everything=True)):
                        return
                    await asyncio.sleep(RETRY_S[0])
        if self._dirty:
            logger.error("call records lost: the database is away", calls=len(self._dirty))

    def _due(self, everything: bool) -> list[tuple[str, int]]:
        """Return what to store now: calls that ended or have urgent news, the others every LIVING_S."""
        before = self._monotonic() - LIVING_S
        return [key for key, each in self._dirty.items()
                if everything or each.urgent or key in self._over or each.stored_at <= before]

    async def _store(self, everything: bool = False) -> bool:
        """Store what is due, in portions; False when the database refused."""
        async with self._lock:
            due = self._due(everything)
            while due:
                keys, due = due[:CALLS_AT_ONCE], due[CALLS_AT_ONCE:]
                batch = [self._dirty.pop(key) for key in keys]
                try:
                    await self._write_what_can_be(batch)
                except BaseException as error:
                    self._dirty = dict(zip(keys, batch, strict=True)) | self._dirty
                    if not isinstance(error, DatabaseError):
                        raise
                    if not self._lost:
                        logger.error("call records are kept in memory", error=str(error))
                    self._lost = True
                    return False
                for key, each in zip(keys, batch, strict=True):
                    each.stored_at, each.urgent = self._monotonic(), False
                    if key not in self._dirty:
                        self._over.pop(key, None)
            if self._lost:
                logger.info("call records are stored again")
                self._lost = False
            return True

    async def _write_what_can_be(self, batch: list[CallLog]) -> None:
        """Write `batch`; a call the database will never take is dropped and does not keep the others back.

        Raises DatabaseError when the database is away.
        """
        try:
            await self._write(batch)
        except DatabaseError as error:
            if isinstance(error.__cause__, AWAY):
                raise
            if len(batch) == 1:
                logger.error("call record cannot be stored", call_id=batch[0].record.call_id, error=str(error))
                return
            for each in batch:
                await self._write_what_can_be([each])

    async def _write(self, batch: list[CallLog]) -> None:
        """Write rows and new trace entries of `batch` in one transaction; writing them again changes nothing."""
        upto = [(len(each.entries), len(each.answers), len(each.hearings)) for each in batch]
        async with self.database.write() as connection:
            for each in batch:
                if each.look_for_earlier:
                    row = (await connection.execute(
                        sa.select(db.call).where(db.call.c.call_id == each.record.call_id)
                    )).first()  # fmt: skip
                    each.earlier = record_of(row) if row else None
                    each.look_for_earlier = False
            rows = [call_row(each.record.after(each.earlier) if each.earlier else each.record) for each in batch]
            await connection.execute(db.upsert(connection, db.call), rows)
            entries = [
                trace_row(each.entries[n], *each.place, n)
                for each, (end, _, _) in zip(batch, upto, strict=True) for n in range(each.written, end)
            ]  # fmt: skip
            answers = [
                answer_row(each.answers[n], *each.place, n)
                for each, (_, end, _) in zip(batch, upto, strict=True) for n in range(each.answers_written, end)
            ]  # fmt: skip
            hearings = [
                hearing_row(each.hearings[n], *each.place, n)
                for each, (_, _, end) in zip(batch, upto, strict=True) for n in range(each.hearings_written, end)
            ]  # fmt: skip
            if entries:
                await connection.execute(db.upsert(connection, db.call_trace, keep=True), entries)
            if answers:
                await connection.execute(db.upsert(connection, db.survey_answer, keep=True), answers)
            if hearings:
                await connection.execute(db.upsert(connection, db.hearing, keep=True), hearings)
        for each, ends in zip(batch, upto, strict=True):
            each.written, each.answers_written, each.hearings_written = ends

    # -- what people ask

    async def list(self, *, last: int = 20, number: str = "") -> tuple[CallRecord, ...]:
        """Return the newest calls, newest first; of one caller's number when given. Raises InputError for a word."""
        query = sa.select(db.call).order_by(db.call.c.started_at.desc()).limit(last)
        if number and not any(char.isdigit() for char in number):
            raise InputError(f"{number!r} is not a telephone number; expected such as +48221234567")
        if number:
            query = query.where(db.call.c.ani == self._number(number))
        async with self.database.read() as connection:
            return tuple(record_of(row) for row in (await connection.execute(query)).all())

    async def last_agent(self, number: str) -> str:
        """Return who talked to this caller last within LAST_AGENT_DAYS, '' for nobody."""
        since = datetime.now(UTC) - timedelta(days=LAST_AGENT_DAYS)
        column = db.call.c
        query = (
            sa.select(column.agent_id)
            .where(column.ani == number, column.started_at >= since, column.talk_ms.is_not(None), column.agent_id != "")
            .order_by(column.started_at.desc()).limit(1)
        )  # fmt: skip
        async with self.database.read() as connection:
            return str(await connection.scalar(query) or "")

    async def count(self, number: str, since: datetime, *, but: str = "") -> int:
        """Return how many calls came from this number since then, without the call `but`."""
        column = db.call.c
        query = sa.select(sa.func.count()).where(
            column.ani == number, column.started_at >= since, column.call_id != but
        )  # fmt: skip
        async with self.database.read() as connection:
            return int(await connection.scalar(query) or 0)

    async def show(self, text: str) -> tuple[CallRecord, tuple[TraceEntry, ...]]:
        """Return the call whose id is `text`, or begins or ends with it, or the `last`; and its trace.

        Raises InputError naming the nearest id, or those it could be.
        """
        column = db.call.c.call_id
        query = sa.select(db.call).order_by(db.call.c.started_at.desc()).limit(6)
        wanted = text.strip()
        async with self.database.read() as connection:
            rows = (await connection.execute(
                query.limit(1) if wanted == "last" else query.where(column == wanted)
            )).all()  # fmt: skip
            if not rows and wanted and wanted != "last":
                begins, ends = column.startswith(wanted, autoescape=True), column.endswith(wanted, autoescape=True)
                rows = (await connection.execute(query.where(sa.or_(begins, ends)))).all()
            if len(rows) != 1:
                ids = [row.call_id for row in rows]
                known = (await connection.scalars(query.with_only_columns(column).limit(2000))).all()
                raise InputError(_not_one(wanted, ids, list(known)))
            record = record_of(rows[0])
            trace = (await connection.execute(
                sa.select(db.call_trace).where(db.call_trace.c.call_id == record.call_id)
                .order_by(db.call_trace.c.part, db.call_trace.c.n)
            )).all()  # fmt: skip
        began_ms = int(record.started_at.timestamp() * 1000)
        return record, tuple(entry_of(row, began_ms) for row in trace)


def _not_one(text: str, hits: list[str], known: list[str]) -> str:
    if hits:
        more = ", ..." if len(hits) > 5 else ""
        return f"{text!r} could be call {', '.join(hits[:5])}{more}"
    if not known:
        return "no call has been recorded yet"
    near = nearest(text, known)
    return f"there is no call {text!r}" + (f"; did you mean {near!r}?" if near else "; `ivr call list` shows them")


def record_of(row: Any) -> CallRecord:
    """Return a row of the table `call` as a record."""
    values = dict(row._mapping)
    return CallRecord(**{**values, "announcements": tuple(values["announcements"])})


def entry_of(row: Any, began_ms: int) -> TraceEntry:
    """Return an entry with its time since the call began; times inside it are moved as well."""
    detail = dict(row.detail)
    if isinstance(detail.get("from_ms"), int):
        detail["from_ms"] += row.part - began_ms
    return TraceEntry(row.at_ms - began_ms, row.step, row.event, detail)
