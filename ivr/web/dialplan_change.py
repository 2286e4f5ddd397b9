"""Change which version of the call flows is live, and write down who did it. Called by the page and the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ivr.access import Who
from ivr.desk.audit import Audit
from ivr.reload import change_live
from ivr.versions.publish import Outcome, Publisher
from ivr.web.parts import Parts


async def change_noted(
    who: Who, parts: Parts, what: str, note: str, do: Callable[[Publisher], Awaitable[Outcome]]
) -> None:
    """Change what is live by `do`, and write down who did it."""
    outcome, _ = await change_live(parts.settings, do)
    change, before = outcome.change, outcome.before
    if change:
        was: dict[str, object] = {"version": before.version, "tried": before.tried} if before else {}
        now: dict[str, object] = {"version": change.version, "tried": change.tried, "note": note}
        await Audit(parts.database).note(who, what, change.version, was, now)
