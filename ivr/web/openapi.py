"""The API's description (OpenAPI): what FastAPI finds, and what every operation shares: tokens, rights, Problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from ivr.access import ROLES, rights_of
from ivr.web.api.types import Problem
from ivr.web.guard import ANYBODY_KNOWN, access_of

METHODS = ("get", "put", "post", "delete", "patch")
WRONG = {
    "400": "The request was not understood.", "401": "The token is missing, unknown, revoked or too old.",
    "403": "Its roles do not allow it.", "404": "There is no such thing.", "413": "The body is too long.",
    "422": "Something in it is wrong; nothing was changed.", "429": "Too often; Retry-After says how long to wait.",
    "503": "The database or Redis does not answer.",
}  # fmt: skip


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    return app.openapi_schema


def _made(app: FastAPI) -> dict[str, Any]:
    routes = [each for each in app.routes if isinstance(each, APIRoute) and each.path.startswith("/api/")]
    told = get_openapi(title="Hotline", version=app.version, description=app.description, routes=routes)
    parts = told.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    rights = {(each.path, method.lower()): access_of(each).right for each in routes for method in each.methods or ()}
    for path, operations in told["paths"].items():
        for method in METHODS:
            if method in operations:
                _share(operations[method], rights[path, method])
    return told


def _share(operation: dict[str, Any], right: str | None) -> None:
    """Add to an operation who may use it and what may go wrong."""
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers = operation.setdefault("responses", {})
    for status, text in WRONG.items():
        if status == "422" or status not in answers:
            answers[status] = {"description": text, "content": problem}
    if right is not None:
        operation["security"] = [{"token": []}]
        operation["x-right"] = right
        operation["x-roles"] = [each for each in ROLES if right == ANYBODY_KNOWN or right in rights_of([each])]
