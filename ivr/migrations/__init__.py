"""Alembic migrations of the database; run by `ivr.db.upgrade`."""
