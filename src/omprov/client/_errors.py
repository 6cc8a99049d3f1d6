"""What a server answers when it refuses, as the errors that it raised."""

from __future__ import annotations

from typing import Any

import omprov.errors
from omprov.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OmprovError,
    Unavailable,
)

_BY_STATUS: dict[int, type[OmprovError]] = {
    400: InvalidInput,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: InvalidInput,
    422: InvalidInput,
}


def error_of(status: int, problem: Any, url: str) -> OmprovError:
    """Return the error that a server raised: the same class, with the same message and fields.

    Args:
        status: the HTTP status.
        problem: the JSON of the answer, be it ``application/problem+json`` or not.
        url: of the server, for what to do next.
    """
    known = problem if isinstance(problem, dict) else {}
    named = getattr(omprov.errors, str(known.get("error", "")), None)
    if not (isinstance(named, type) and issubclass(named, OmprovError)):
        named = _BY_STATUS.get(status, Unavailable)
    message = str(known.get("detail") or f"{url} answered with status {status}")
    if status == 401:
        named = NotSignedIn
        message = f"{url} does not know who asks: sign in with `omprov login {url}`"
    fields = known.get("fields") or {}
    error = named.__new__(named, message)
    error.args = (message,)
    error.__dict__.update({name: _as_it_was(name, value) for name, value in fields.items()})
    return error


def _as_it_was(name: str, value: Any) -> Any:
    """Give a fact of an error the type that it had: all lists but one were tuples."""
    return tuple(value) if isinstance(value, list) and name != "cycle" else value
