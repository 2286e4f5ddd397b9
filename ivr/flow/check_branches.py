"""Check the conditions of `branch` steps: can each one ever be the first that holds? Pure.

Called by `flow/draft.py` for each flow; mistakes go into the Report of its file. Only what is certain is noted.
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.area import contains
from ivr.flow.facts import FACTS, Condition, Term, number_of
from ivr.flow.model import Flow
from ivr.flow.tables import Report


def check_branches(report: Report, flow: Flow) -> None:
    """Note each condition no call can meet, and each one that an earlier one leaves nothing to."""
    for step in flow.steps.values():
        earlier: dict[str, Condition] = {}
        for name, condition in (step.values["when"] or {}).items() if step.kind == "branch" else ():
            if not condition.terms:  # it could not be read
                continue
            path = ("steps", step.name, "when", name)
            before = next((each for each, other in earlier.items() if implies(condition, other)), None)
            if never := impossible(condition):
                report.add(path, f"this can never hold: {never}", "conditions that can be true together", kind=_KIND)
            elif before:
                wrong = f"{name!r} never gets its turn: {before!r} before it holds for the same calls"
                report.add(path, wrong, f"{name!r} before {before!r}, or another condition", kind=_KIND)
            earlier[name] = condition


_KIND = "never_holds"


def implies(condition: Condition, other: Condition) -> bool:
    """Does `other` certainly hold wherever `condition` does?"""
    return all(any(_within(term, wide) for term in condition.terms) for wide in other.terms)


def impossible(condition: Condition) -> str:
    """Return the terms that exclude each other, '' when none do."""
    for fact in condition.facts:
        terms = [term for term in condition.terms if term.fact == fact]
        if len(terms) > 1 and _exclude(terms):
            return " & ".join(f"{term.fact} {term.op} {'|'.join(term.values)}" for term in terms)
    return ""


def _kind_of(term: Term) -> str:
    return FACTS[term.fact.partition(".")[0]].type


def _within(term: Term, wide: Term) -> bool:
    """Does `wide` hold wherever `term` does?"""
    if term.fact != wide.fact:
        return False
    if term == wide:
        return True
    if term.op == "=":
        return all(wide.holds(value) for value in term.values)
    if term.op == wide.op == "!=":
        return set(wide.values) <= set(term.values)
    if term.op in "<=>=" and wide.op in "<=>=" and term.op[0] == wide.op[0]:
        return _as_wide(term, wide)
    return False


def _as_wide(term: Term, wide: Term) -> bool:
    """Do two bounds on the same side hold one inside the other?"""
    one, other = _bound(term), _bound(wide)
    if one is None or other is None or type(one) is not type(other):
        return False
    if one == other:
        return wide.op.endswith("=") or not term.op.endswith("=")
    return (one < other) is (term.op[0] == "<")  # type: ignore[operator]


def _bound(term: Term) -> float | str | None:
    return term.values[0] if _kind_of(term) in ("time", "date") else number_of(term.values[0])


def _exclude(terms: Iterable[Term]) -> bool:
    terms = list(terms)
    given = [term for term in terms if term.op == "="]
    if _kind_of(terms[0]) == "area":
        return _areas_exclude(terms)
    if given:
        return not any(all(term.holds(value) for term in terms) for value in given[0].values)
    fact = FACTS[terms[0].fact.partition(".")[0]]
    if fact.choices:
        return not any(all(term.holds(value) for term in terms) for value in fact.choices)
    return any(_miss(low, high) for low in terms for high in terms if low.op[0] == ">" and high.op[0] == "<")


def _areas_exclude(terms: list[Term]) -> bool:
    def meet(one: Term, other: Term) -> bool:
        return any(contains(a, b) or contains(b, a) for a in one.values for b in other.values)

    given = [term for term in terms if term.op == "="]
    excluded = [value for term in terms if term.op == "!=" for value in term.values]
    if any(not meet(one, other) for one in given for other in given):
        return True
    return any(all(any(contains(out, a) for out in excluded) for a in one.values) for one in given)


def _miss(low: Term, high: Term) -> bool:
    """Is there nothing above `low` and below `high`?"""
    lower, upper = _bound(low), _bound(high)
    if lower is None or upper is None or type(lower) is not type(upper):
        return False
    if lower == upper:
        return not (low.op == ">=" and high.op == "<=")
    return lower > upper  # type: ignore[operator]
