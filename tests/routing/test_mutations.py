"""The table of seeded bugs still fits the package: a change below routing/ that moves a line says so here at once."""

from __future__ import annotations

from tests.routing.mutations import TESTS, mutated, table


def test_every_seeded_bug_has_its_one_place() -> None:
    """At least thirty, each text found exactly once, each named once, each with tests that should see it."""
    bugs = table()

    assert len(bugs) >= 30
    assert len({bug.name for bug in bugs}) == len(bugs)
    assert {bug.caught for bug in bugs} <= TESTS.keys()
    for bug in bugs:
        assert mutated(bug)
