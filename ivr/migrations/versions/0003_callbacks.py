"""Call-backs and messages.

Revision 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "callback",
        sa.Column("callback_id", sa.String(40), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("dnis", sa.String(40), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("entered_ms", sa.BigInteger, nullable=False),
        sa.Column("booked_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("tried_at", MOMENT, nullable=True),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("callback_id", name="pk_callback"),
    )
    op.create_index("ix_callback_state", "callback", ["state"])
    op.create_table(
        "message",
        sa.Column("message_id", sa.String(16), nullable=False),
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("file", sa.String(200), nullable=False),
        sa.Column("length_ms", sa.Integer, nullable=False),
        sa.Column("left_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("message_id", name="pk_message"),
    )
    op.create_index("ix_message_left_at", "message", ["left_at"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("message")
    op.drop_table("callback")
