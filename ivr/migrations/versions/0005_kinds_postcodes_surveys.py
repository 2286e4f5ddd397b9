"""Kinds of announcements, postcodes of customers, answers to surveys.

Revision 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns and the table; announcements so far tell of outages."""
    op.add_column("announcement_version", sa.Column("kind", sa.String(8), nullable=False, server_default="outage"))
    op.add_column("customer", sa.Column("postcode", sa.String(20), nullable=False, server_default=""))
    op.create_table(
        "survey_answer",
        sa.Column("call_id", sa.String(80), nullable=False),
        sa.Column("part", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("survey", sa.String(40), nullable=False),
        sa.Column("question", sa.String(80), nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "part", "n", name="pk_survey_answer"),
    )
    op.create_index("ix_survey_answer_at", "survey_answer", ["at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_survey_answer_at", "survey_answer")
    op.drop_table("survey_answer")
    with op.batch_alter_table("customer") as table:
        table.drop_column("postcode")
    with op.batch_alter_table("announcement_version") as table:
        table.drop_column("kind")
