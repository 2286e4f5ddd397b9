"""Everything ops should know before callers tell them: what is doubtful about an announcement. Called by `publish`."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.announce.audience import Reach
from ivr.announce.model import INFO, RESTORED, Target, Version
from ivr.announce.wording import ADVISED_S, text_warnings
from ivr.area import contains
from ivr.call import LANGUAGES

NAMED = 3  # examples named in one warning


async def cautions(version: Version, live: Iterable[Version], reach: Reach, default: str) -> list[str]:
    """Return warnings about `version` beside what is `live`, the gravest last. default  language."""
    warnings = text_warnings(version.texts, LANGUAGES, default)
    for language, clips in version.clips.items():
        longest = max(clip.seconds for clip in clips.values())
        if longest > ADVISED_S:
            warnings.append(f"the {language} wording lasts {longest:.0f} s; {ADVISED_S:.0f} s or less is advised")
    if version.eta and version.until <= version.eta and version.kind != INFO:
        warnings.append("it ends before the time it promises: set a later --until")
    warnings += await nobody(version.target, reach)
    if version.state != RESTORED:
        warnings += filter(None, (_beside(version, other) for other in live))
    return warnings


async def nobody(target: Target, reach: Reach) -> list[str]:
    """Return warnings about parts of `target` that concern no customer."""
    warnings = []
    for area in target.areas:
        if not (await reach.customers(Target(areas=(area,))))[0]:
            near = await reach.nearest_area(area)
            warnings.append(f"no customer lives in {area}" + (f"; did you mean {near}?" if near else ""))
    if target.node and not (await reach.customers(Target(node=target.node)))[0]:
        near = await reach.nearest_node(target.node)
        warnings.append(f"no customer is behind node {target.node}" + (f"; did you mean {near}?" if near else ""))
    if unknown := await reach.unlisted(target):
        some = ", ".join(unknown[:NAMED]) + (", ..." if len(unknown) > NAMED else "")
        listed = f"{len(unknown)} of {len(target.numbers)} listed numbers and accounts"
        warnings.append(f"{listed} are no customer's: {some}")
    if not warnings and target.classes and not (await reach.customers(target))[0]:
        warnings.append(f"no customer is concerned: none of {target}")
    return warnings


def _beside(version: Version, other: Version) -> str:
    """Return what another live announcement for the same service and of the same kind means for this one."""
    same = (other.service, other.kind) == (version.service, version.kind) and other.state != RESTORED
    if not same or other.announcement_id == version.announcement_id:
        return ""
    if other.target == version.target:
        return (f"announcement {other.announcement_id} has the same target and service and is no "
                f"longer heard: `ivr announce end {other.announcement_id}`")  # fmt: skip
    if overlap(version.target, other.target):
        return (f"announcement {other.announcement_id} ({other.target}) concerns some of the same callers: "
                "they hear the one that knows more about them")  # fmt: skip
    return ""


def overlap(one: Target, other: Target) -> bool:
    """Can one caller be concerned by both? False also where nobody can tell, such as an area and a list of numbers."""
    for mine, its in ((one.dnis, other.dnis), (one.project, other.project)):
        if mine and its and mine != its:
            return False
    if one.classes and other.classes and not set(one.classes) & set(other.classes):
        return False
    if not (one.by_customer or one.prefix) or not (other.by_customer or other.prefix):
        return True
    return (
        any(contains(a, b) or contains(b, a) for a in one.areas for b in other.areas)
        or any(node and node in area.split("/") for node, areas in ((one.node, other.areas), (other.node, one.areas))
               for area in areas)
        or bool(one.node and one.node == other.node)
        or bool(one.listed & other.listed)
        or bool(one.prefix and other.prefix
                and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)))
    )  # fmt: skip
