"""Announcements' lifecycle, who heard them, who wants to be told; users, sessions, tokens and the audit log.

Revision 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and tables; what was announced so far may end calls, as before."""
    op.create_table(
        "api_token",
        sa.Column("token_id", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_id", name="pk_api_token"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    _only_added()
    op.create_table(
        "hearing",
        sa.Column("call_id", sa.String(length=80), nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("announcement_id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("caller", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("area", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("where", sa.String(length=8), nullable=False),
        sa.Column("length_ms", sa.Integer(), nullable=False),
        sa.Column("heard_ms", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=1), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "part", "n", name="pk_hearing"),
    )
    op.create_index("ix_hearing_account", "hearing", ["account"], unique=False)
    op.create_index("ix_hearing_announcement_id", "hearing", ["announcement_id"], unique=False)
    op.create_index("ix_hearing_at", "hearing", ["at"], unique=False)
    op.create_index("ix_hearing_caller", "hearing", ["caller"], unique=False)
    op.create_table(
        "opt_in",
        sa.Column("opt_in_id", sa.String(length=40), nullable=False),
        sa.Column("announcement_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("area", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("dnis", sa.String(length=40), nullable=False),
        sa.Column("call_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("beat", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("opt_in_id", name="pk_opt_in"),
        sa.UniqueConstraint("announcement_id", "number", name="uq_opt_in_announcement_id_number"),
    )
    op.create_index("ix_opt_in_state", "opt_in", ["state"], unique=False)
    op.create_table(
        "user",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("agent_id", sa.String(length=40), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("phone_id", sa.String(length=10), nullable=False),
        sa.Column("phone_pin_hash", sa.String(length=200), nullable=False),
        sa.Column("pin_failures", sa.Integer(), nullable=False),
        sa.Column("pin_locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_user"),
    )
    op.create_table(
        "web_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_web_session"),
    )
    op.create_index("ix_web_session_user", "web_session", ["user"], unique=False)
    op.create_index("ix_call_ended_at", "call", ["ended_at"], unique=False)
    op.add_column("announcement_version", sa.Column("starts", sa.DateTime(timezone=True), nullable=True))
    op.add_column("announcement_version", sa.Column("eta_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("announcement_version", sa.Column("as_of", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("announcement_version", sa.Column("after", sa.String(length=8), server_default="end", nullable=False))
    op.add_column(
        "announcement_version", sa.Column("source", sa.String(length=12), server_default="ops", nullable=False)
    )
    op.add_column("announcement_version", sa.Column("note", sa.String(length=400), server_default="", nullable=False))
    op.add_column("announcement_version", sa.Column("recordings", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_call_ended_at", table_name="call")
    with op.batch_alter_table("announcement_version") as table:
        table.drop_column("recordings")
        table.drop_column("note")
        table.drop_column("source")
        table.drop_column("after")
        table.drop_column("as_of")
        table.drop_column("eta_from")
        table.drop_column("starts")
    op.drop_index("ix_web_session_user", table_name="web_session")
    op.drop_table("web_session")
    op.drop_table("user")
    op.drop_index("ix_opt_in_state", table_name="opt_in")
    op.drop_table("opt_in")
    op.drop_index("ix_hearing_caller", table_name="hearing")
    op.drop_index("ix_hearing_at", table_name="hearing")
    op.drop_index("ix_hearing_announcement_id", table_name="hearing")
    op.drop_index("ix_hearing_account", table_name="hearing")
    op.drop_table("hearing")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_only_added()")
    op.drop_table("api_token")


def _only_added() -> None:
    """Let the database itself refuse to change or delete rows of the audit log."""
    wrong = "rows of the audit log are only added"
    if op.get_bind().dialect.name == "postgresql":
        body = f"BEGIN RAISE EXCEPTION '{wrong}'; END"
        op.execute(f"CREATE FUNCTION audit_only_added() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    for event in ("update", "delete"):
        if op.get_bind().dialect.name == "postgresql":
            action = "FOR EACH ROW EXECUTE FUNCTION audit_only_added()"
        else:
            action = f"BEGIN SELECT RAISE(ABORT, '{wrong}'); END"
        op.execute(f"CREATE TRIGGER audit_no_{event} BEFORE {event.upper()} ON audit {action}")
