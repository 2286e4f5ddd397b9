"""Calls and why each went as it did."""

from __future__ import annotations

import sqlalchemy as sa

from ivr.tables.base import Moment, metadata

# One row per call; ended_at is NULL while it lives, and for ever when its end was not seen.
call = sa.Table(
    "call",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("ani", sa.String(40), nullable=False, index=True),
    sa.Column("dnis", sa.String(40), nullable=False),
    sa.Column("project", sa.String(40), nullable=False),
    sa.Column("flow", sa.String(80), nullable=False),
    sa.Column("flow_version", sa.String(40), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("started_at", Moment, nullable=False, index=True),
    sa.Column("ended_at", Moment, nullable=True, index=True),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("wait_ms", sa.Integer, nullable=True),
    sa.Column("agent_id", sa.String(40), nullable=False),
    sa.Column("offers", sa.Integer, nullable=False),
    sa.Column("talk_ms", sa.Integer, nullable=True),
    sa.Column("announcements", sa.JSON, nullable=False),
    sa.Column("disposition", sa.String(16), nullable=False),
    sa.Column("end_reason", sa.String(200), nullable=False),
)

# Why each call went as it did. part  when the controller that wrote it took the call, epoch ms: a call
# taken over by a second controller has two parts.  n  place within the part.  at_ms  epoch ms.
call_trace = sa.Table(
    "call_trace",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("step", sa.String(80), nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)
