"""First tables: announcements, customers, agents, calls.

Revision 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "snapshot_version",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_snapshot_version"),
    )
    op.create_table(
        "announcement_version",
        sa.Column("announcement_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("target", sa.JSON, nullable=False),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("texts", sa.JSON, nullable=False),
        sa.Column("eta", MOMENT, nullable=True),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("clips", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("announcement_id", "version", name="pk_announcement_version"),
    )
    op.create_index("ix_announcement_version_until", "announcement_version", ["until"])
    op.create_table(
        "customer",
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("account", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("class", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_customer"),
    )
    op.create_index("ix_customer_account", "customer", ["account"])
    op.create_index("ix_customer_area", "customer", ["area"])
    op.create_table(
        "agent",
        sa.Column("agent_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("sip_password", sa.String(80), nullable=False),
        sa.Column("pin_hash", sa.String(200), nullable=False),
        sa.Column("skills", sa.JSON, nullable=False),
        sa.Column("ring_s", sa.Integer, nullable=False),
        sa.Column("wrap_up_s", sa.Integer, nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_agent"),
        sa.UniqueConstraint("endpoint", name="uq_agent_endpoint"),
    )
    op.create_table(
        "call",
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("ani", sa.String(40), nullable=False),
        sa.Column("dnis", sa.String(40), nullable=False),
        sa.Column("project", sa.String(40), nullable=False),
        sa.Column("flow", sa.String(80), nullable=False),
        sa.Column("flow_version", sa.String(40), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("wait_ms", sa.Integer, nullable=True),
        sa.Column("agent_id", sa.String(40), nullable=False),
        sa.Column("offers", sa.Integer, nullable=False),
        sa.Column("talk_ms", sa.Integer, nullable=True),
        sa.Column("announcements", sa.JSON, nullable=False),
        sa.Column("disposition", sa.String(16), nullable=False),
        sa.Column("end_reason", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call"),
    )
    op.create_index("ix_call_ani", "call", ["ani"])
    op.create_index("ix_call_started_at", "call", ["started_at"])
    op.create_table(
        "call_trace",
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("part", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "part", "n", name="pk_call_trace"),
    )


def downgrade() -> None:
    """Drop every table."""
    for table in ("call_trace", "call", "agent", "customer", "announcement_version", "snapshot_version"):
        op.drop_table(table)
