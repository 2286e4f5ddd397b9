"""The tree of areas customers live in, with how many live where: to be chosen from, not typed. Called by page and API.

Kept in memory and made afresh when customers were imported or removed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.desk.customers import SNAPSHOT

FOUND_MOST = 8


@dataclass(frozen=True)
class Area:
    """One node of the tree. name  the last of its path.  customers  at or below it.  leaf  nothing is below it."""

    path: str
    name: str
    customers: int
    leaf: bool


@dataclass(frozen=True)
class Tree:
    """version  of the customers it was made from.  children  path -> paths right below it, '' for the top."""

    version: int = -1
    counts: Mapping[str, int] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def area(self, path: str) -> Area:
        """Return the node of `path`; one nobody lives in has 0 customers."""
        return Area(path, path.rpartition("/")[2], self.counts.get(path, 0), path not in self.children)

    def below(self, path: str) -> tuple[Area, ...]:
        """Return the nodes right below `path` ('' for the top), by name."""
        return tuple(self.area(each) for each in self.children.get(path, ()))

    def find(self, text: str, most: int = FOUND_MOST) -> tuple[Area, ...]:
        """Return the nodes whose name begins with `text`, then those that hold it; large ones first."""
        wanted = text.strip().strip("/").lower()
        if not wanted:
            return ()
        ranked = [
            (rank, -count, path) for path, count in self.counts.items() if (rank := _rank(path, wanted)) is not None
        ]  # fmt: skip
        return tuple(self.area(path) for _, _, path in sorted(ranked)[:most])


def _rank(path: str, wanted: str) -> int | None:
    name = path.rpartition("/")[2]
    if name == wanted or path == wanted:
        return 0
    if name.startswith(wanted) or path.startswith(wanted):
        return 1
    return 2 if wanted in (path if "/" in wanted else name) else None


class Areas:
    """The newest tree. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._tree = Tree()
        self._lock = asyncio.Lock()

    async def tree(self) -> Tree:
        """Return the tree of the customers there are now."""
        async with self._lock, self.database.read() as connection:
            version = await db.version(connection, SNAPSHOT)
            if version != self._tree.version:
                area = db.customer.c.area
                rows = await connection.execute(sa.select(area, sa.func.count()).where(area != "").group_by(area))
                self._tree = tree_of({row[0]: row[1] for row in rows}, version)
        return self._tree


def tree_of(areas: Mapping[str, int], version: int = 0) -> Tree:
    """Return the tree of areas, given how many live in each itself."""
    counts: defaultdict[str, int] = defaultdict(int)
    for path, many in areas.items():
        names = path.split("/")
        for n in range(len(names)):
            counts["/".join(names[: n + 1])] += many
    children: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(counts):
        children[path.rpartition("/")[0]].append(path)
    return Tree(version, dict(counts), dict(children))
