"""The OpenAPI document: FastAPI's, with the schemas of records and the ways to sign in."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from ._access import COOKIE, CSRF_HEADER
from ._schemas._records import components

if TYPE_CHECKING:
    from fastapi import FastAPI

DESCRIPTION = """\
The calls of OMProv's `Repository`, for programs and for the web.

Records have exactly the fields of the Python library. Times are ISO 8601 with an offset and
microseconds; digests `b3:` and 64 hex digits; numbers that JSON lacks are the strings `NaN`,
`Infinity` and `-Infinity`. Lists come in pages: pass `next` as `cursor`. A POST that makes
something takes an `Idempotency-Key`. What is wrong is said as `application/problem+json`.
"""
_TAGS = {
    "projects": "Projects, and what is in them by name.",
    "assets": "Assets, their versions and aliases.",
    "versions": "Versions, what they inherit and came from.",
    "edges": "Declared edges, and amounts of difference.",
    "runs": "Runs, at once or bit by bit.",
    "git": "Histories that git recorded.",
    "content": "The files of versions and runs: as packs, and one by one.",
    "people": "Signing in, tokens, users, roles, the audit.",
    "events": "The change feed, live.",
    "copies": "Copying a whole repository here, or from here: for owners of the server.",
    "health": "For whoever looks after the server.",
}
_OPEN = frozenset({"/healthz", "/readyz", "/api/v1/sign-in"})


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document; made on its first use."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="OMProv",
            version=version("omprov"),
            summary="Where every model came from, and by how much it differs from those before it.",
            description=DESCRIPTION,
            routes=app.routes,
            tags=[{"name": name, "description": about} for name, about in _TAGS.items()],
        )
        _complete(made)
        app.openapi_schema = made
    return app.openapi_schema


def _complete(made: dict[str, Any]) -> None:
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(components())
    parts["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that `POST /api/v1/tokens` made: `omp_…`.",
        },
        "password": {
            "type": "http",
            "scheme": "basic",
            "description": "A name with a password or a token; for clients that know nothing else.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": f"What signing in sets; changes need the header `{CSRF_HEADER}`, too.",
        },
    }
    for path, methods in made["paths"].items():
        for operation in methods.values():
            operation["security"] = (
                [] if path in _OPEN else [{"token": []}, {"password": []}, {"session": []}, {}]
            )
