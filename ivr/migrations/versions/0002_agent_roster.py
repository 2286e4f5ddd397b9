"""Agents: projects, languages and working hours.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    ("projects", sa.JSON(), "[]"),
    ("languages", sa.JSON(), "[]"),
    ("roster", sa.String(400), ""),
)


def upgrade() -> None:
    """Add the columns; agents that are there belong to no project, speak no language and work at any hour."""
    for name, kind, default in COLUMNS:
        op.add_column("agent", sa.Column(name, kind, nullable=False, server_default=default))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("agent") as table:
        for name, _, _ in reversed(COLUMNS):
            table.drop_column(name)
