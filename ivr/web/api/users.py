"""Users, and what was done: the API of the page Admin. Tokens are made on the page only: by a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ivr.access import Who, rights_of
from ivr.desk.users import User
from ivr.web.api.types import Id, Text
from ivr.web.guard import allow, allow_known
from ivr.web.parts import Parts, parts_of

router = APIRouter(prefix="/api/v1", tags=["users"])

Admin = Annotated[Who, Depends(allow("users.change"))]
Auditor = Annotated[Who, Depends(allow("audit.see"))]
Used = Annotated[Parts, Depends(parts_of)]
Role = Literal["agent", "ops", "engineer", "supervisor", "admin"]


class Me(BaseModel):
    """Who asks."""

    name: str
    roles: list[str]
    rights: list[str]


class UserShown(BaseModel):
    """One user. one_time  he has not chosen a password of his own yet."""

    name: str
    roles: list[str]
    agent_id: str
    phone_id: str
    one_time: bool
    disabled_at: datetime | None


class NewUser(BaseModel):
    """A user to add."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{1,39}$")]
    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]
    agent_id: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9._-]*$")] = ""


class Roles(BaseModel):
    """The roles a user is to have."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=5)]


class OneTime(BaseModel):
    """A password that works until he has chosen his own."""

    name: str
    password: str


class Done(BaseModel):
    """One row of the audit log. hash  covers the row and the hash before it."""

    n: int
    at: datetime
    who: str
    what: str
    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    address: str
    hash: str


class Chain(BaseModel):
    """Whether the audit log is as it was written. broken  the first row that is not."""

    rows: int
    head: str
    broken: int | None


@router.get("/me", summary="Who am I, and what may I do")
async def me(who: Annotated[Who, Depends(allow_known(tokens=True))]) -> Me:
    """Return the name and the rights of this token or session."""
    return Me(name=who.name, roles=list(who.roles), rights=sorted(rights_of(who.roles)))


@router.get("/users", summary="List users")
async def users(_: Admin, parts: Used) -> list[UserShown]:
    """Return all users by name."""
    return [_shown(each) for each in await parts.users.list()]


@router.post("/users", status_code=201, summary="Add a user")
async def add(new: NewUser, who: Admin, parts: Used) -> OneTime:
    """Add a user; his one-time password is in the answer and nowhere else."""
    if new.agent_id:
        await parts.agents.get(new.agent_id)
    issued = await parts.users.add(new.name, new.roles, agent_id=new.agent_id)
    await parts.audit.note(who, "user.add", new.name, after={"roles": issued.user.roles, "agent": new.agent_id})
    return OneTime(name=new.name, password=issued.password)


@router.put("/users/{name}/roles", summary="Set a user's roles")
async def set_roles(name: Id, roles: Roles, who: Admin, parts: Used) -> UserShown:
    """Give him exactly these roles; acts at once."""
    before = await parts.users.get(name)
    after = await parts.users.set_roles(name, roles.roles)
    await parts.audit.note(who, "user.roles", name, {"roles": before.roles}, {"roles": after.roles})
    return _shown(after)


@router.post("/users/{name}/disable", summary="Let a user in no more")
async def disable(name: Id, who: Admin, parts: Used) -> UserShown:
    """Log him out everywhere; his tokens stop."""
    user = await parts.users.disable(name, datetime.now(UTC))
    await parts.audit.note(who, "user.disable", name)
    return _shown(user)


@router.post("/users/{name}/enable", summary="Let a user in again")
async def enable(name: Id, who: Admin, parts: Used) -> UserShown:
    """Undo disabling him."""
    user = await parts.users.enable(name)
    await parts.audit.note(who, "user.enable", name)
    return _shown(user)


@router.get("/audit", summary="What was done, newest first")
async def audit(
    _: Auditor, parts: Used, who: Annotated[Text, Query()] = "", what: Annotated[Text, Query()] = "",
    subject: Annotated[Text, Query()] = "", before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    most: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Done]:  # fmt: skip
    """Return rows of the audit log. before  the lowest `n` of the last answer, to page on."""
    found = await parts.audit.list(who=who, what=what, subject=subject, before_n=before, most=most)
    return [Done(**{name: getattr(each, name) for name in Done.model_fields}) for each in found]


@router.get("/audit/chain", summary="Check that nothing was rewritten")
async def chain(_: Annotated[Who, Depends(allow("audit.see", per_minute=30))], parts: Used) -> Chain:
    """Go through the whole chain of hashes."""
    n, head = await parts.audit.head()
    return Chain(rows=n, head=head, broken=await parts.audit.verify())


def _shown(user: User) -> UserShown:
    return UserShown(
        name=user.name, roles=list(user.roles), agent_id=user.agent_id, phone_id=user.phone_id,
        one_time=user.must_change, disabled_at=user.disabled_at,
    )  # fmt: skip
