"""Announcements: their versions, who heard them, who wants to be told when it is over."""

from __future__ import annotations

import sqlalchemy as sa

from ivr.tables.base import Moment, metadata

# Every version of every announcement; rows are never changed. The newest version of an id is what holds.
announcement_version = sa.Table(
    "announcement_version",
    metadata,
    sa.Column("announcement_id", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("target", sa.JSON, nullable=False),
    sa.Column("service", sa.String(40), nullable=False),
    sa.Column("texts", sa.JSON, nullable=False),
    sa.Column("eta", Moment, nullable=True),
    sa.Column("until", Moment, nullable=False, index=True),
    sa.Column("clips", sa.JSON, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False, server_default="outage"),
    sa.Column("starts", Moment, nullable=True),
    sa.Column("eta_from", Moment, nullable=True),
    sa.Column("as_of", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("after", sa.String(8), nullable=False, server_default="end"),
    sa.Column("source", sa.String(12), nullable=False, server_default="ops"),
    sa.Column("note", sa.String(400), nullable=False, server_default=""),
    sa.Column("recordings", sa.JSON, nullable=False, server_default="{}"),
)

# Who was played what: one row each time a call reached an announcement. part, n  as in call_trace.  caller  E.164
# number, '' when withheld.  where  menu, queue or ladder.  heard_ms of length_ms  how much of it was played.
# key  that stopped it, ''.  outcome  what came then (ivr/record/hearing.py).  nth  1 for the first time this caller
# heard this announcement, whatever the version.
hearing = sa.Table(
    "hearing",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("announcement_id", sa.String(16), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("caller", sa.String(40), nullable=False, index=True),
    sa.Column("account", sa.String(40), nullable=False, index=True),
    sa.Column("area", sa.String(200), nullable=False),
    sa.Column("at", Moment, nullable=False, index=True),
    sa.Column("where", sa.String(8), nullable=False),
    sa.Column("length_ms", sa.Integer, nullable=False),
    sa.Column("heard_ms", sa.Integer, nullable=False),
    sa.Column("key", sa.String(1), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),
    sa.Column("nth", sa.Integer, nullable=False),
)

# Callers who want to be told when it is over: one per number and announcement. due_ms, holder, beat  as in callback.
# state  waiting, due (the service is restored), dialling, done.  outcome  '' until done, then see ivr/desk/opt_ins.py.
opt_in = sa.Table(
    "opt_in",
    metadata,
    sa.Column("opt_in_id", sa.String(40), primary_key=True),
    sa.Column("announcement_id", sa.String(16), nullable=False),
    sa.Column("number", sa.String(20), nullable=False),
    sa.Column("account", sa.String(40), nullable=False),
    sa.Column("area", sa.String(200), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("dnis", sa.String(40), nullable=False),
    sa.Column("call_id", sa.String(80), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("released_at", Moment, nullable=True),
    sa.Column("tried_at", Moment, nullable=True),
    sa.Column("holder", sa.String(80), nullable=False),
    sa.Column("beat", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("closed_at", Moment, nullable=True),
    sa.UniqueConstraint("announcement_id", "number"),
)
