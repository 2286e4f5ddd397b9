"""Alembic's environment: runs on the connection `ivr.db.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from ivr import db

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=db.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
