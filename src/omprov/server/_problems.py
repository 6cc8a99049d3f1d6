"""Errors as answers: ``application/problem+json`` (RFC 9457) for every one of them."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from omprov.errors import InvalidInput, NotSignedIn, OmprovError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MEDIA_TYPE = "application/problem+json"


class Refused(InvalidInput):
    """A request that HTTP has a status of its own for.

    Attributes:
        status: that status.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def problem(
    status: int,
    detail: str,
    *,
    error: str = "OmprovError",
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the answer that says what is wrong.

    Args:
        status: of HTTP.
        detail: what happened, to which thing, what to do next.
        error: the class of the error, for clients that raise it again.
        fields: its facts.
        headers: more headers.
    """
    data = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "error": error,
        "fields": {name: _fact(value) for name, value in (fields or {}).items()},
    }
    return Response(json.dumps(data).encode(), status, headers, media_type=MEDIA_TYPE)


def failure(request: str) -> Response:
    """Make the answer for an error that nobody expected.

    Args:
        request: its id, under which the log says more.
    """
    return problem(
        500,
        f"the server failed at this; its log says more under the id {request}",
        fields={"request": request},
    )


def problem_of(error: OmprovError) -> Response:
    """Make the answer for an error of the tree."""
    kind, fields = type(error).__name__, dict(error.__dict__)
    status = error.http_status
    if isinstance(error, Refused):
        kind, status = "InvalidInput", fields.pop("status")
    return problem(status, str(error), error=kind, fields=fields, headers=headers_of(error, status))


def headers_of(error: OmprovError, status: int) -> dict[str, str]:
    """Return the headers that HTTP wants beside an error."""
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="omprov", Basic realm="omprov"'}
    wait = getattr(error, "retry_after", None)  # of too many tries to sign in
    if wait is None and status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        wait = 1
    return {} if wait is None else {"Retry-After": str(wait)}


def describe_invalid(errors: Iterable[Mapping[str, Any]]) -> str:
    """Say in one line what is wrong with a request.

    Args:
        errors: as pydantic lists them.
    """
    said = [f"{_place(one.get('loc', ()))}: {one.get('msg', 'is wrong')}" for one in errors]
    shown = "; ".join(said[:5])
    return f"the request cannot be right: {shown}" + ("; …" if len(said) > 5 else "")


def _place(location: Sequence[object]) -> str:
    parts = [str(part)[:80] for part in location]
    return ".".join(parts[1:] or parts) or "body"


def _fact(value: object) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_fact(item) for item in value]
        case _:
            return str(value)
