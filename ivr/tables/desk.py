"""Customers, agents, and what callers left for later: call-backs, messages, answers."""

from __future__ import annotations

import sqlalchemy as sa

from ivr.tables.base import Moment, metadata

customer = sa.Table(
    "customer",
    metadata,
    sa.Column("number", sa.String(20), primary_key=True),
    sa.Column("account", sa.String(40), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("area", sa.String(200), nullable=False, index=True),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("class", sa.String(16), nullable=False),
    sa.Column("postcode", sa.String(20), nullable=False, server_default=""),
)

agent = sa.Table(
    "agent",
    metadata,
    sa.Column("agent_id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("endpoint", sa.String(40), nullable=False, unique=True),
    sa.Column("sip_password", sa.String(80), nullable=False),
    sa.Column("pin_hash", sa.String(200), nullable=False),
    sa.Column("skills", sa.JSON, nullable=False),
    sa.Column("ring_s", sa.Integer, nullable=False),
    sa.Column("wrap_up_s", sa.Integer, nullable=False),
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("projects", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("languages", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("roster", sa.String(400), nullable=False, server_default=""),
)

# Callers who left the line and are called back at their place. entered_ms  first entry in the line.  due_ms  not
# dialled before, epoch ms.  holder  the controller whose task it is, '' for nobody; beat  counts its signs of life.
callback = sa.Table(
    "callback",
    metadata,
    sa.Column("callback_id", sa.String(40), primary_key=True),
    sa.Column("number", sa.String(20), nullable=False),
    sa.Column("dnis", sa.String(40), nullable=False),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("call_id", sa.String(80), nullable=False),
    sa.Column("entered_ms", sa.BigInteger, nullable=False),
    sa.Column("booked_at", Moment, nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("tried_at", Moment, nullable=True),
    sa.Column("holder", sa.String(80), nullable=False),
    sa.Column("beat", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("closed_at", Moment, nullable=True),
)

# Messages callers left instead of waiting. file  below the var folder.
message = sa.Table(
    "message",
    metadata,
    sa.Column("message_id", sa.String(16), primary_key=True),
    sa.Column("call_id", sa.String(80), nullable=False),
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("file", sa.String(200), nullable=False),
    sa.Column("length_ms", sa.Integer, nullable=False),
    sa.Column("left_at", Moment, nullable=False, index=True),
    sa.Column("done_at", Moment, nullable=True),
)

# What callers answered to the questions of a survey. part, n  as in call_trace.  question  its prompt.
survey_answer = sa.Table(
    "survey_answer",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("survey", sa.String(40), nullable=False),
    sa.Column("question", sa.String(80), nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False, index=True),
)
