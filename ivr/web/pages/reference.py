"""The API described: a page of our own, and the OpenAPI file that programs read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

from ivr.access import Who
from ivr.web.guard import allow_known
from ivr.web.openapi import METHODS, describe
from ivr.web.page import render

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request, _: Annotated[Who, Depends(allow_known(tokens=True))]) -> JSONResponse:
    """Return the API's description for programs."""
    return JSONResponse(describe(request.app))


@router.get("/api", response_class=HTMLResponse)
async def page(request: Request, who: Annotated[Who, Depends(allow_known())]) -> HTMLResponse:
    """List what programs can do, by what it is about."""
    told = describe(request.app)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in told["paths"].items():
        for method in METHODS:
            if method in operations:
                about = operations[method]
                takes = [each["name"] for each in about.get("parameters", ())]
                groups.setdefault(path.split("/")[3], []).append({
                    "method": method.upper(), "path": path, "summary": about.get("summary", ""), "takes": takes,
                    "about": about.get("description", ""), "roles": about.get("x-roles", []),
                    "body": _body(about, told),
                })  # fmt: skip
    return render(request, "reference.html", who, {"groups": groups})


def _body(about: dict[str, Any], told: dict[str, Any]) -> dict[str, str]:
    """Return the fields of an operation's JSON body and what each holds."""
    content = about.get("requestBody", {}).get("content", {})
    each: dict[str, Any] = next(iter(content.values()), {})
    shape: dict[str, Any] = each.get("schema", {})
    if "$ref" in shape:
        shape = told["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    wanted = shape.get("required", ())
    fields = shape.get("properties", {})
    return {name: _kind(each) + (" *" if name in wanted else "") for name, each in fields.items()}


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " | ".join(_kind(each) for each in field["anyOf"])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    return str(field.get("format") or field.get("type") or field.get("const") or "any")
