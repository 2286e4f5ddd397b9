"""Which announcements concern a caller, and why. Pure.

Of several announcements for the same service the one that knows most about the caller wins (longest area,
then number dialled, then longest prefix, then everyone); different services are all heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ivr.announce.model import Version
from ivr.area import contains
from ivr.call import Customer

NEVER_ENDED = ("vip", "medical", "business")


@dataclass(frozen=True)
class Match:
    """One announcement for one caller.

    certain  it surely concerns him: by his own area, the number he dialled, or everyone.
    may_end  the call may end after it.  why  in words, for the trace.
    """

    version: Version
    certain: bool
    may_end: bool
    why: str
    rank: tuple[int, int, int]


def match(
    live: Iterable[Version], *, number: str, dnis: str, customer: Customer | None, service: str, now: datetime
) -> tuple[Match, ...]:
    """Return what the caller should hear, the surest first.

    number  caller's E.164 number, '' when withheld or not understood.  service  what he calls about, '' when
    not known: then every service's announcements concern him.
    """
    found = [
        hit
        for version in live
        if version.is_live(now)
        and service in ("", version.service or service)
        and (hit := _hit(version, number, dnis, customer)) is not None
    ]
    best: dict[str, Match] = {}
    for hit in sorted(found, key=_order):
        best.setdefault(hit.version.service, hit)
    return tuple(sorted(best.values(), key=_order))


def _order(hit: Match) -> tuple[object, ...]:
    """Sort the surest first; of equals the newest, then by id so that the order never changes by chance."""
    area, dialled, prefix = hit.rank
    return -area, -dialled, -prefix, -hit.version.at.timestamp(), hit.version.announcement_id


def _hit(version: Version, number: str, dnis: str, customer: Customer | None) -> Match | None:
    target, area = version.target, customer.area if customer else ""
    if target.dnis and target.dnis != dnis:
        return None
    dialled = f"number {dnis} was dialled" if target.dnis else ""
    if target.areas and area:
        inside = max((each for each in target.areas if contains(each, area)), key=len, default="")
        if not inside:
            return None
        why, certain = f"area {inside} contains the customer's area {area}", True
        rank = (len(inside), int(bool(dialled)), 0)
    elif target.prefix:
        if not number.startswith(target.prefix):
            return None
        why, certain = f"the caller's number begins with {target.prefix}", False
        rank = (0, int(bool(dialled)), len(target.prefix))
    elif target.areas:
        return None
    else:
        why, certain, rank = "" if dialled else "it is for everyone", True, (0, int(bool(dialled)), 0)
    ends, reason = _may_end(customer)
    return Match(version, certain, ends, "; ".join(t for t in (why, dialled, reason) if t), rank)


def _may_end(customer: Customer | None) -> tuple[bool, str]:
    """May the call end after it? Not for these classes.

    Before a menu nobody has said what he calls about: whether the call may end there is the flow's decision
    (`after`), and key 3 is the caller's way out.
    """
    if customer and customer.class_ in NEVER_ENDED:
        return False, f"a {customer.class_} customer's call is not ended"
    return True, ""
