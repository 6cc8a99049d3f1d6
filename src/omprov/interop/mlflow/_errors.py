"""Errors as MLflow's clients know them: a code, a message, an HTTP status."""

from __future__ import annotations

from omprov.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OmprovError,
    TooManyTries,
    Unavailable,
)

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"
EXISTS = "RESOURCE_ALREADY_EXISTS"
NO_ENDPOINT = "ENDPOINT_NOT_FOUND"

_STATUS = {
    INVALID: 400,
    MISSING: 404,
    EXISTS: 400,
    NO_ENDPOINT: 404,
    "BAD_REQUEST": 400,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_CONFLICT": 409,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "TEMPORARILY_UNAVAILABLE": 503,
    "INTERNAL_ERROR": 500,
}
_CODES = (  # the first that fits
    (NotFound, MISSING),
    (AlreadyExists, EXISTS),
    (Conflict, "RESOURCE_CONFLICT"),
    (InvalidInput, INVALID),
    (TooManyTries, "REQUEST_LIMIT_EXCEEDED"),
    (NotSignedIn, "UNAUTHENTICATED"),
    (NotAllowed, "PERMISSION_DENIED"),
    (Unavailable, "TEMPORARILY_UNAVAILABLE"),
)


class Refused(Exception):
    """A call that is answered with one of MLflow's error codes."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return _STATUS[self.code]


def refusal_of(error: OmprovError) -> Refused:
    """Say in MLflow's words what OMProv raised."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Refused(code, str(error))
    return Refused("INTERNAL_ERROR", str(error))


def invalid(message: str) -> Refused:
    """Refuse an argument."""
    return Refused(INVALID, message)


def missing(message: str) -> Refused:
    """Say that what was named does not exist."""
    return Refused(MISSING, message)
