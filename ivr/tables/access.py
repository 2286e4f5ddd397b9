"""Who may do what: users of the page, their sessions and tokens, and what they did."""

from __future__ import annotations

import sqlalchemy as sa

from ivr.tables.base import Moment, metadata

# People who use the page or the API. roles  of ivr/access.py.  phone_id, phone_pin_hash  how he publishes by phone,
# '' for not at all.  must_change  the password was set by somebody else.
user = sa.Table(
    "user",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("agent_id", sa.String(40), nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("phone_id", sa.String(10), nullable=False),
    sa.Column("phone_pin_hash", sa.String(200), nullable=False),
    sa.Column("pin_failures", sa.Integer, nullable=False),
    sa.Column("pin_locked_until", Moment, nullable=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("disabled_at", Moment, nullable=True),
)

# Sessions of the page. token_hash  SHA-256 of what the cookie holds.
web_session = sa.Table(
    "web_session",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("user", sa.String(40), nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)

# Tokens of programs that use the API. token_hash  SHA-256 of the token.
api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("token_id", sa.String(16), primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("created_by", sa.String(40), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("used_at", Moment, nullable=True),
    sa.Column("expires_at", Moment, nullable=True),
    sa.Column("revoked_at", Moment, nullable=True),
)

# What was done, by whom; rows are only added. hash  SHA-256 over `previous` and the row's other columns, so that a
# row changed or taken away is noticed.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False, index=True),
    sa.Column("who", sa.String(100), nullable=False),
    sa.Column("what", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(100), nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
