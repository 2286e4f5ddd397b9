"""Alertmanager's webhook: alerts become drafts. Its own secret opens it, and opens nothing else."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from ivr.access import Who
from ivr.announce.alerts import Alerts
from ivr.desk.audit import Audit
from ivr.errors import InputError
from ivr.web.api.types import Problem
from ivr.web.guard import address_of, open_to_all
from ivr.web.parts import Parts, parts_of

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

BODY = 512 * 1024


class TakenOut(BaseModel):
    """What became of one alert. announcement  its draft or live announcement, '' for none. why  it was refused."""

    alert: str = Field(examples=["SwitchDown"])
    did: str = Field(examples=["drafted"], description="drafted, noted, ignored (nothing new) or refused")
    announcement: str = Field(examples=["a1b2"])
    why: str = ""


def opens(request: Request, parts: Annotated[Parts, Depends(parts_of)]) -> None:
    """Refuse who does not know the secret of monitoring; without one there is no such page."""
    secret = parts.settings.alert_secret.get_secret_value()
    if not secret:
        raise HTTPException(404)
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(sent.strip().encode("utf-8", "replace"), secret.encode("utf-8", "replace"))
    if kind.lower() != "bearer" or not same:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


@router.post(
    "",
    summary="Take alerts of Alertmanager (webhook, version 4); each becomes a draft",
    responses={401: {"model": Problem}, 404: {"model": Problem}, 413: {"model": Problem}, 422: {"model": Problem}},
    dependencies=[Depends(opens)],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def take(
    request: Request,
    response: Response,
    _: Annotated[Who | None, Depends(open_to_all(body=BODY, per_minute=600))],
    parts: Annotated[Parts, Depends(parts_of)],
) -> list[TakenOut]:
    """Answer what became of each alert. 422 when none could be used, so that Alertmanager counts it as failed."""
    taken = await Alerts(parts.publisher).take(await _json(request), datetime.now(UTC))
    who = Who("monitoring", (), address_of(request))
    for each in taken:
        if each.did in ("drafted", "noted"):
            await Audit(parts.database).note(who, "announcement.draft", each.announcement, after={"alert": each.alert})
    if taken and all(each.did == "refused" for each in taken):
        raise InputError("; ".join(each.why for each in taken)[:1000])
    return [TakenOut(alert=each.alert, did=each.did, announcement=each.announcement, why=each.why) for each in taken]


async def _json(request: Request) -> object:
    try:
        found: object = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise InputError("this is not JSON; expected the body of Alertmanager's webhook") from None
    return found
