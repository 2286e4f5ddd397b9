"""Versions of the call flows, and which of them is live.

Revision 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "dialplan_version",
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_dialplan_version"),
    )
    op.create_table(
        "dialplan_live",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("prompts", sa.String(40), nullable=False),
        sa.Column("canary", sa.String(40), nullable=False),
        sa.Column("canary_prompts", sa.String(40), nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(100), nullable=False),
        sa.Column("why", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_dialplan_live"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("dialplan_live")
    op.drop_table("dialplan_version")
