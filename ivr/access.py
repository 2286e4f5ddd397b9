"""Who may do what: roles of people and tokens, and the rights each gives. Pure.

Nothing is allowed unless a role here gives it. Used by the page, the API and the phone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

AGENT, OPS, ENGINEER, SUPERVISOR, ADMIN = "agent", "ops", "engineer", "supervisor", "admin"
ROLES = (AGENT, OPS, ENGINEER, SUPERVISOR, ADMIN)

_SEE = {"announcements.see", "live.see"}
RIGHTS: dict[str, frozenset[str]] = {
    AGENT: frozenset({"own.see", "announcements.see"}),
    OPS: frozenset({*_SEE, "announcements.change", "calls.see", "dialplans.see", "reports.see"}),
    ENGINEER: frozenset({*_SEE, "calls.see", "dialplans.see", "dialplans.change", "reports.see"}),
    SUPERVISOR: frozenset(
        {*_SEE, "calls.see", "numbers.reveal", "agents.see", "agents.change", "queues.change", "reports.see"}
    ),
}
RIGHTS[ADMIN] = frozenset().union(*RIGHTS.values()) | {"users.change", "audit.see"}
"""Role -> what it may do."""


@dataclass(frozen=True)
class Who:
    """Somebody who was recognised. name  of the user, or `token:NAME`.  address  he comes from.

    csrf  what his forms must carry, '' for a token: a browser never sends that by itself.
    """

    name: str
    roles: tuple[str, ...]
    address: str = ""
    csrf: str = ""
    language: str = ""
    agent_id: str = ""

    def may(self, right: str) -> bool:
        """Does one of his roles give `right`?"""
        return right in rights_of(self.roles)


def rights_of(roles: Collection[str]) -> frozenset[str]:
    """Return all rights of `roles`; unknown roles give none."""
    return frozenset().union(*(RIGHTS.get(role, frozenset()) for role in roles))
