"""What was found of tokens, sessions and roles a moment ago, so that requests need no query."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

T = TypeVar("T")

PROVEN_FOR = timedelta(minutes=5)
"""How long a password that was right need not be hashed again, while its stored hash stays."""
HOLDS_FOR = timedelta(seconds=2)
"""How long a change of people in another process may go unseen here."""
_MOST = 10_000


class KnownPeople:
    """A memory of two seconds. A change of people in this process empties it; threads share it.

    It is never older than what stood in the catalog two seconds ago, nor than the last `forget`.
    Nothing is remembered of what was not found.
    """

    def __init__(self) -> None:
        self.has_users = False
        """Whether there were any; once there are, there always will be."""
        self._lock = threading.Lock()
        self._found: dict[Hashable, tuple[datetime, object]] = {}
        self._claimed: dict[Hashable, datetime] = {}
        self._changes = 0
        self._secret = secrets.token_bytes(32)
        self._proven: dict[bytes, tuple[datetime, str]] = {}

    def proof_of(self, name: str, password: str, origin: str) -> bytes:
        """Return what stands for a password here, and in no other process."""
        said = json.dumps([name, password, origin]).encode()
        return blake3(said, key=self._secret).digest()

    def proven(self, proof: bytes, now: datetime) -> str | None:
        """Return the stored hash whose password this was a moment ago; ``None`` if unknown."""
        known = self._proven.get(proof)
        fresh = known is not None and timedelta(0) <= now - known[0] < PROVEN_FOR
        return known[1] if known is not None and fresh else None

    def prove(self, proof: bytes, hashed: str, now: datetime) -> None:
        """Remember that this is the password of a stored hash."""
        with self._lock:
            if len(self._proven) >= _MOST:
                self._proven.clear()
            self._proven[proof] = (now, hashed)

    def recall(self, key: Hashable, now: datetime, read: Callable[[], T | None]) -> T | None:
        """Return what is known under a key, or read it."""
        known = self._found.get(key)
        if known is not None and timedelta(0) <= now - known[0] < HOLDS_FOR:
            return cast("T", known[1])
        changes = self._changes
        value = read()
        with self._lock:
            if value is not None and changes == self._changes:  # else it was read before a change
                if len(self._found) >= _MOST:
                    self._found.clear()
                self._found[key] = (now, value)
        return value

    def renew(self, key: Hashable, value: object) -> None:
        """Put another value in the place of a known one, for as long as that one would hold."""
        with self._lock:
            if key in self._found:
                self._found[key] = (self._found[key][0], value)

    def claim(self, key: Hashable, now: datetime, every: timedelta) -> bool:
        """Let one caller in so long note that a token or session is used, be it that they fail.

        So where the database is busy for long, one request waits for it, and the others do not.
        """
        with self._lock:
            last = self._claimed.get(key)
            if last is not None and timedelta(0) <= now - last < every:
                return False
            if len(self._claimed) >= _MOST:
                self._claimed.clear()
            self._claimed[key] = now
            return True

    def forget(self) -> None:
        """Drop everything: people have changed."""
        with self._lock:
            self._changes += 1
            self._found.clear()
