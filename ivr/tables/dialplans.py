"""Versions of the call flows, and which of them calls follow."""

from __future__ import annotations

import sqlalchemy as sa

from ivr.tables.base import Moment, metadata

# Every set of call flows that was ever live. version  as Dialplans.version.  content  zlib-compressed JSON: its files,
# and the prompts that existed then.
dialplan_version = sa.Table(
    "dialplan_version",
    metadata,
    sa.Column("version", sa.String(40), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("note", sa.String(400), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

# Which of them calls follow; rows are only added, the last one holds. canary  the version `share` percent of new calls
# try, or which just ceased to be tried (state).  prompts, canary_prompts  versions of the prompt index.
dialplan_live = sa.Table(
    "dialplan_live",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("prompts", sa.String(40), nullable=False),
    sa.Column("canary", sa.String(40), nullable=False),
    sa.Column("canary_prompts", sa.String(40), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("why", sa.String(400), nullable=False),
)
