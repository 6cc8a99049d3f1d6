"""How a route says in the document what it answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from omprov.records import Version
from omprov.server._schemas._records import page_of, ref

API = "/api/v1"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_MEANINGS = {
    400: "The request cannot be right.",
    401: "Nobody, or nobody known, asks.",
    403: "Whoever asks may not do this, or the request comes from another web site.",
    404: "There is no such thing, or it is in a project that whoever asks does not see.",
    408: "The body came too slowly.",
    409: "What exists stands against it.",
    413: "The body is too large.",
    422: "The request is not of the form that the document says.",
    429: "Too many tries to sign in failed.",
    500: "The server failed; its log says more under the id in `fields`.",
    503: "The request is right, but the store cannot serve it now.",
}
_READS = (400, 401, 403, 404, 422, 429, 500, 503)
_WRITES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503)


def make_router(tag: str, *, prefix: str = API) -> APIRouter:
    """Return what holds the routes of a noun; their operations are called as their functions."""
    return APIRouter(
        prefix=prefix, tags=[tag], generate_unique_id_function=lambda route: route.name
    )


def gives(schema: dict[str, Any], *, one: bool = False) -> dict[str, Any]:
    """Declare a GET that answers with this.

    Args:
        schema: of the answer.
        one: the answer is one thing, with an ETag.
    """
    answers: dict[int, dict[str, Any]] = {200: _answer(schema, etag=one)}
    if one:
        answers[304] = {"description": "The client has it already."}
    return _declared(answers, _READS, 200)


def lists(kind: type) -> dict[str, Any]:
    """Declare a GET that answers with pages of records of this class."""
    return gives(page_of(ref(kind)))


def gives_one(kind: type) -> dict[str, Any]:
    """Declare a GET that answers with one record of this class."""
    return gives(ref(kind), one=True)


def changes(schema: dict[str, Any] | None, *, status: int = 200) -> dict[str, Any]:
    """Declare a route that changes something.

    Args:
        schema: of the answer; ``None`` for none (204).
        status: of the answer.
    """
    if schema is None:
        return _declared({204: {"description": "Done."}}, _WRITES, 204)
    return _declared({status: _answer(schema)}, _WRITES, status)


def makes(kind: type) -> dict[str, Any]:
    """Declare a POST that makes something and answers with it."""
    return changes(ref(kind), status=201)


def array_of(kind: type) -> dict[str, Any]:
    """Return the schema of a whole list."""
    return {"type": "array", "items": ref(kind)}


def versions_by_name() -> dict[str, Any]:
    """Return the schema of name → version or null."""
    return {
        "type": "object",
        "additionalProperties": {"anyOf": [ref(Version), {"type": "null"}]},
    }


def _declared(
    answers: dict[int, dict[str, Any]], errors: tuple[int, ...], status: int
) -> dict[str, Any]:
    problems = {code: {"description": _MEANINGS[code], "content": _PROBLEM} for code in errors}
    return {
        "responses": {**answers, **problems},
        "status_code": status,
        "response_class": Response,
        "response_model": None,
    }


def _answer(schema: dict[str, Any], *, etag: bool = False) -> dict[str, Any]:
    said: dict[str, Any] = {
        "description": "The answer.",
        "content": {"application/json": {"schema": schema}},
    }
    if etag:
        said["headers"] = {
            "ETag": {
                "schema": {"type": "string"},
                "description": "Send it as `If-None-Match`.",
            }
        }
    return said
