"""Which announcements concern a caller, and why. Pure.

Of several of one kind for the same service the one that knows most about the caller is heard, in this order:

1. he or his account is listed
2. the longest part of his area that an area or a node of the target holds
3. his class is asked for
4. the number he dialled, then its project
5. the longest beginning of his number (that alone is not certain)
6. everyone; of equal ones the newest

What is over (restored) never hides what is not. Different services and kinds are all heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ivr.announce.model import CONTINUE, END, INFO, KINDS, OFFER, RESTORED, Target, Version
from ivr.area import contains
from ivr.call import Customer

NEVER_ENDED = ("vip", "medical", "business")
Rank = tuple[int, int, int, int, int, int]


@dataclass(frozen=True)
class Match:
    """One announcement for one caller.

    certain  it surely concerns him: by his own area, class, number or account, what he dialled, or everyone.
    may_end  the call may end after it.  after  the most that may follow: end, offer or continue.  why  in words, for
    the trace.  rank  the larger, the more it knows about him.
    """

    version: Version
    certain: bool
    may_end: bool
    why: str
    rank: Rank
    after: str = END


def match(
    live: Iterable[Version], *, number: str, dnis: str, customer: Customer | None, service: str, now: datetime,
    project: str = "",
) -> tuple[Match, ...]:  # fmt: skip
    """Return what the caller should hear, outages first, then planned work, then anything else; the surest first.

    number  caller's E.164 number, '' when withheld or not understood.  service  what he calls about, '' when
    not known: then every service's announcements concern him.  project  of the number dialled.
    """
    found = [
        hit
        for version in live
        if version.is_live(now)
        and service in ("", version.service or service)
        and (hit := _hit(version, number, dnis, project, customer)) is not None
    ]
    best: dict[tuple[str, str], Match] = {}
    for hit in sorted(found, key=_order):
        best.setdefault((hit.version.service, hit.version.kind), hit)
    return tuple(sorted(best.values(), key=_order))


def _order(hit: Match) -> tuple[object, ...]:
    """Sort the surest first; of equals the newest, then by id so that the order never changes by chance."""
    version = hit.version
    rank = tuple(-each for each in hit.rank)
    kind = KINDS.index(version.kind)
    return kind, version.state == RESTORED, rank, -version.at.timestamp(), version.announcement_id


def _hit(version: Version, number: str, dnis: str, project: str, customer: Customer | None) -> Match | None:
    target = version.target
    narrowed = _narrowed(target, dnis, project, customer)
    concerned = _concerned(target, number, customer)
    if narrowed is None or concerned is None:
        return None
    listed, depth, begins, why = concerned
    if not why and not narrowed:
        why = "it is for everyone"
    rank = (listed, depth, bool(target.classes), bool(target.dnis), bool(target.project), begins)
    after, reason = _after(version, customer)
    reasons = "; ".join(filter(None, (why, narrowed, reason)))
    return Match(version, not begins, after == END, reasons, rank, after)


def _narrowed(target: Target, dnis: str, project: str, customer: Customer | None) -> str | None:
    """Return in words how far number, project and class narrow it down to him, None when they leave him out.

    Nobody knows the class of who is in no customer file, whatever postcode he has entered.
    """
    known = customer if customer and (customer.number or customer.account) else None
    if target.dnis not in ("", dnis) or target.project not in ("", project):
        return None
    if target.classes and not (known and known.class_ in target.classes):
        return None
    said = [f"number {dnis} was dialled" if target.dnis else "", f"project {project}" if target.project else ""]
    if target.classes and known:
        said.append(f"a {known.class_} customer")
    return "; ".join(filter(None, said))


def _concerned(target: Target, number: str, customer: Customer | None) -> tuple[int, int, int, str] | None:
    """Return whether he is listed, how much of his area and of his number is meant, and why; None when he is not."""
    if target.numbers:
        own = (number, customer.number, customer.account) if customer else (number,)
        if any(each and each in target.listed for each in own):
            return 1, 0, 0, "the caller is listed"
    area = customer.area if customer else ""
    if held := _held(target, area):
        return 0, len(held), 0, f"{_by(target, held)} {held} contains the customer's area {area}"
    if target.prefix and not (target.by_customer and area) and number.startswith(target.prefix):
        return 0, 0, len(target.prefix), f"the caller's number begins with {target.prefix}"
    return None if target.by_customer or target.prefix else (0, 0, 0, "")


def _held(target: Target, area: str) -> str:
    """Return the longest part of the caller's area that the target holds, '' for none."""
    parts = [each for each in target.areas if area and contains(each, area)]
    if target.node and target.node in (names := area.split("/")):
        last = len(names) - names[::-1].index(target.node)
        parts.append("/".join(names[:last]))
    return max(parts, key=len, default="")


def _by(target: Target, held: str) -> str:
    return "area" if held in target.areas else "node"


def _after(version: Version, customer: Customer | None) -> tuple[str, str]:
    """Return the most that may follow, and why not more.

    Before a menu nobody has said what he calls about: whether the call ends there is the flow's decision too.
    """
    if version.state == RESTORED:
        return CONTINUE, "it is over: the call goes on"
    if version.after != END:
        return version.after, f"after it the call may only {version.after}"
    if version.kind == INFO:
        return OFFER, ""
    if customer and customer.class_ in NEVER_ENDED:
        return OFFER, f"a {customer.class_} customer's call is not ended"
    return END, ""
