"""Passwords: what may be one, and how its hash is made and checked."""

from __future__ import annotations

import threading
import unicodedata
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from omprov.errors import Busy, InvalidInput, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argon2 import PasswordHasher

SHORTEST = 8
LONGEST = 1024
"""Characters. Nobody types a longer one, and hashing one takes its time."""

_AT_ONCE = 2
"""How many hashes are made at once in a process: each takes 32 MiB and a core."""
_PATIENCE = 10.0
"""Seconds that a check waits for its turn."""

_TURNS = threading.BoundedSemaphore(_AT_ONCE)

_NOBODY = "$argon2id$v=19$m=32768,t=3,p=1${salt}${hash}".format(salt="A" * 22, hash="A" * 43)
"""A hash, with the parameters of `_hasher`, that no password has: of who does not exist."""


def hash_password(password: str) -> str:
    """Return the argon2id hash of a new password.

    Raises:
        InvalidInput: it is too short, or too long to be one.
        MissingExtra: argon2-cffi is not installed.
    """
    normal = _normal(password)
    if len(normal) < SHORTEST:
        raise InvalidInput(f"the password is too short: take {SHORTEST} characters or more")
    if len(normal) > LONGEST:
        raise InvalidInput(f"the password is too long: take at most {LONGEST} characters")
    return _hasher().hash(_to_bytes(normal))


def hash_again(password: str) -> str:
    """Return a hash, by the parameters of now, of a password that was taken once."""
    return _hasher().hash(_to_bytes(_normal(password)))


def is_password(stored: str | None, password: str) -> bool:
    """Tell whether a stored hash is this password's.

    It takes the same time whether or not there is a hash, so that nobody learns who exists.

    Args:
        stored: the hash; ``None`` where there is no such user.
        password: what was typed.
    """
    from argon2.exceptions import VerificationError  # an optional extra; `_hasher` names it

    normal = _normal(password[: 2 * LONGEST])
    try:
        found = _hasher().verify(stored or _NOBODY, _to_bytes(normal))
    except VerificationError:
        return False
    return found and stored is not None and len(normal) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than are used now."""
    return _hasher().check_needs_rehash(stored)


@contextmanager
def hashing_turn() -> Iterator[None]:
    """Wait for a turn to hash, so that many sign-ins at once take neither memory nor all cores.

    Raises:
        Busy: it did not come.
        MissingExtra: argon2-cffi is not installed.
    """
    _hasher()
    if not _TURNS.acquire(timeout=_PATIENCE):
        raise Busy("too many people are signing in at once; try again in a moment")
    try:
        yield
    finally:
        _TURNS.release()


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher  # an optional extra
    except ImportError as error:
        raise MissingExtra("server", "signing in with a password") from error
    return PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def _normal(password: str) -> str:
    """Give the same text however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
