"""Take customers out of the customer file again: the demo's own. Beside `customers`, which only adds and changes."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.desk.customers import SNAPSHOT


async def remove_customers(database: Database, numbers: Iterable[str]) -> int:
    """Remove the customers with these numbers (E.164 with +); return how many there were."""
    async with database.write() as connection:
        gone = await connection.execute(sa.delete(db.customer).where(db.customer.c.number.in_(list(numbers))))
        if gone.rowcount:
            await db.bump(connection, SNAPSHOT)
    return int(gone.rowcount)
