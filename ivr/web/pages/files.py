"""The files pages load."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ivr.access import Who
from ivr.web.guard import open_to_all
from ivr.web.static_files import files

router = APIRouter(include_in_schema=False)
FOR_GOOD, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"


@router.get("/static/{name:path}")
async def file(request: Request, name: str, _: Annotated[Who | None, Depends(open_to_all())]) -> Response:
    """Return a file; asked for by its content's hash (`?v=`), browsers keep it for good."""
    found = files().get(name)
    if found is None:
        raise HTTPException(404)
    right = request.query_params.get("v") == found.version
    tag = f'"{found.version}"'
    headers = {"Cache-Control": FOR_GOOD if right else ASK_AGAIN, "ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.packed if packed else found.content, media_type=found.kind, headers=headers)


@router.get("/health")
async def health(_: Annotated[Who | None, Depends(open_to_all())]) -> Response:
    """Say that the page is there, for `ivr doctor` and load balancers; nothing else is told."""
    return Response("ok\n", media_type="text/plain")
