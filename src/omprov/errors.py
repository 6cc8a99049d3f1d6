"""Every error that OMProv raises on purpose.

::

    OmprovError
    ├── InvalidInput(ValueError)          the caller's argument cannot be right         exit 2 · 400
    │   ├── InvalidReference              text that is no reference
    │   └── AmbiguousReference            a short name that several assets answer to
    ├── NotFound(LookupError)             the named thing does not exist                exit 3 · 404
    ├── NotSignedIn                       nobody, or nobody known, asks                 exit 5 · 401
    ├── NotAllowed                        who asks may not do this                      exit 5 · 403
    ├── TooManyTries                      failed sign-ins; the next one has to wait     exit 5 · 429
    ├── Conflict                          what exists stands against it                 exit 4 · 409
    │   ├── AlreadyExists                 the name is taken
    │   ├── CycleError(ValueError)        an edge would close a cycle
    │   └── LocalChanges                  files on disk would be overwritten
    └── Unavailable                       nothing wrong with the call; the store cannot exit 5 · 503
        ├── Busy                          another process holds the write lock
        ├── StorageFull(OSError)          no room on the disk
        ├── SchemaMismatch                the catalog was written by another release
        ├── Damaged                       bytes are not what they were
        │   └── SourceChanged             data kept by reference is not what it was
        └── MissingExtra(ImportError)     an optional library is not installed

Each error carries its facts as fields and builds its own one-line message: what happened, to which
thing, what to do next. `exit_code` and `http_status` stand on the classes, so that the command line
and the server need no table of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


class OmprovError(Exception):
    """The root of the tree; catch it to catch everything that OMProv raises on purpose."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __reduce__(self) -> tuple[Any, ...]:
        """Let errors cross processes: they build their message from other arguments than it."""
        return _revived, (type(self), self.args, self.__dict__)


def _revived(
    kind: type[OmprovError], arguments: tuple[Any, ...], fields: dict[str, Any]
) -> OmprovError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(fields)
    return error


class InvalidInput(OmprovError, ValueError):
    """An argument cannot be right: the message names it and says what would be."""

    exit_code = 2
    http_status = 400


class InvalidReference(InvalidInput):
    """Text that does not parse as a reference."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(
            f"{text!r} is not a reference: {reason}. "
            "Write [project/]kind/name[:selector], for example dataset/digits:v3."
        )


class AmbiguousReference(InvalidInput):
    """A short name that several assets answer to."""

    def __init__(self, text: str, candidates: Iterable[str]) -> None:
        self.text = text
        self.candidates = tuple(candidates)
        super().__init__(f"{text!r} is ambiguous: it may be {_either(self.candidates)}.")


class NotFound(OmprovError, LookupError):
    """The named thing does not exist."""

    exit_code = 3
    http_status = 404

    def __init__(self, what: str, name: object, near: Iterable[str] = (), hint: str = "") -> None:
        """Say what was looked for.

        Args:
            what: the sort of thing, for instance ``"version"``.
            name: how the caller named it.
            near: existing names that look alike, best first.
            hint: one more sentence on what to do.
        """
        self.what = what
        self.name = name
        self.near = tuple(near)
        message = f"no {what} {str(name)!r}"
        if self.near:
            message += f"; did you mean {_either(self.near)}?"
        elif hint:
            message += "."
        super().__init__(message + (f" {hint}" if hint else ""))

    def __str__(self) -> str:  # LookupError's children may quote their argument
        return str(self.args[0])


class NotSignedIn(OmprovError):
    """The request comes from nobody, or from nobody who is known."""

    exit_code = 5
    http_status = 401


class NotAllowed(OmprovError):
    """Whoever asks may not do this; that the thing exists is no secret to them."""

    exit_code = 5
    http_status = 403


class TooManyTries(OmprovError):
    """Too many sign-ins failed, under this name or from this place.

    Attributes:
        retry_after: seconds until the next try is heard.
    """

    exit_code = 5
    http_status = 429

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        span = f"{retry_after} s" if retry_after < 120 else f"{-(-retry_after // 60)} minutes"
        super().__init__(f"too many failed sign-ins: try again in {span}")


class Conflict(OmprovError):
    """What exists stands against the request."""

    exit_code = 4
    http_status = 409


class AlreadyExists(Conflict):
    """The name is taken."""

    def __init__(self, what: str, name: object, hint: str = "") -> None:
        self.what = what
        self.name = name
        super().__init__(f"{what} {str(name)!r} exists already" + (f". {hint}" if hint else ""))


class CycleError(Conflict, ValueError):
    """An edge would close a cycle.

    Attributes:
        cycle: the versions of the cycle in the direction of *inherits*; the first is repeated at
            the end.
    """

    def __init__(self, cycle: Sequence[Hashable]) -> None:
        self.cycle = list(cycle)
        super().__init__(f"this edge would close a cycle: {' → '.join(str(v) for v in cycle)}")


class LocalChanges(Conflict):
    """Files on disk hold changes that are recorded nowhere and would be overwritten."""

    def __init__(self, path: object, changes: Iterable[str]) -> None:
        self.path = path
        self.changes = tuple(changes)
        sample = ", ".join(self.changes[:3]) + (", …" if len(self.changes) > 3 else "")
        super().__init__(
            f"{path} has changes that no version holds ({sample}). "
            "Record them with `omprov add`, or pass --force to lose them."
        )


class Unavailable(OmprovError):
    """The call is right, but the store cannot serve it now."""

    exit_code = 5
    http_status = 503


class Busy(Unavailable):
    """Another process held the write lock for longer than the time allowed."""


class StorageFull(Unavailable, OSError):
    """There is no room left on the disk; nothing was half-written."""


class SchemaMismatch(Unavailable):
    """The catalog, or a pack, was written in a layout that this release does not read or write."""


class Damaged(Unavailable):
    """Stored bytes are not what they were when they were written."""

    http_status = 500


class SourceChanged(Damaged):
    """A file that is kept by reference is not what it was when it was recorded.

    Attributes:
        address: where it lies.
        recorded: what it was known by, for people: size and ETag, or digest.
        found: what it has now.
    """

    http_status = 503

    def __init__(self, address: str, recorded: object, found: object) -> None:
        self.address = address
        self.recorded = str(recorded)
        self.found = str(found)
        super().__init__(
            f"{address} has changed at its source since it was recorded by reference (it was "
            f"{recorded}; it is {found}). Put back what was there, or record what is there as a "
            "new version."
        )


class MissingExtra(Unavailable, ImportError):
    """An optional library is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(f"{purpose} needs an extra: pip install 'omprov[{extra}]'")


def _either(names: Sequence[str]) -> str:
    quoted = [f"{name}" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
