"""Failed sign-ins: how many there may be, and how long the next try has to wait.

Pure rules over `Tries`; `docs/design/people.md` has the reasons. A try is counted as failed before
its password is looked at, and given back where it was right, so that many at once are no way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from blake3 import blake3

from omprov.errors import TooManyTries
from omprov.records import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from omprov.catalog import Tries

LIMIT = 5
WINDOW = timedelta(minutes=15)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)

FORGOTTEN_AFTER = timedelta(hours=1)
"""When nothing of a failure counts any more: `LONGEST_WAIT` and `WINDOW` are over."""
KNOWN_FOR = timedelta(days=90)
"""How long a place counts as known to a user since they signed in there."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Under which digests a try may count."""

    name: Digest
    origin: Digest | None
    pair: Digest

    @classmethod
    def of(cls, name: str, origin: str) -> Subjects:
        """Give those of a name, and of the place that the try comes from (empty if unknown)."""
        return cls(
            _digest("name", name),
            _digest("origin", origin) if origin else None,
            _digest("pair", name, origin),
        )

    @property
    def all(self) -> list[Digest]:
        """All of them."""
        return [subject for subject in (self.name, self.origin, self.pair) if subject is not None]

    def counted(self, found: Mapping[Digest, Tries]) -> list[Digest]:
        """Say where a try counts: where its user has signed in from before, only there.

        So others elsewhere, who try that name, do not keep its user out.
        """
        if self.pair in found and found[self.pair].user is not None:
            return [self.pair]
        return [subject for subject in (self.name, self.origin) if subject is not None]


def refuse_early(tries: Iterable[Tries], now: datetime) -> None:
    """Refuse a try that has to wait.

    Raises:
        TooManyTries: with the seconds to wait.
    """
    waits = [one.until - now for one in tries if one.until is not None]
    longest = max(waits, default=timedelta(0))
    if longest > timedelta(0):
        raise TooManyTries(math.ceil(longest.total_seconds()))


def with_failure(tries: Tries, now: datetime) -> Tries:
    """Return what is remembered after one more failure."""
    is_fresh = tries.until is not None and now <= tries.until + WINDOW
    level = tries.level if is_fresh else 0
    times = (*(time for time in tries.times if time > now - WINDOW), now)
    if not level and len(times) < LIMIT:
        return replace(tries, times=times, level=0, until=None)
    wait = min(FIRST_WAIT * 2 ** min(level, 10), LONGEST_WAIT)
    return replace(tries, times=times[-LIMIT:], level=level + 1, until=now + wait)


def given_back(current: Tries, counted: Tries, before: Tries, at: datetime) -> Tries:
    """Return what is remembered once a try that was counted turned out right.

    Args:
        current: what is remembered now.
        counted: what was remembered after it was counted.
        before: what was remembered before.
        at: when it was counted.
    """
    if current == counted:
        return before
    times = list(current.times)
    if at in times:
        times.remove(at)
    if current.level == 1 and len(times) < LIMIT:  # it would not have come to this
        return replace(current, times=tuple(times), level=0, until=None)
    return replace(current, times=tuple(times))


def _digest(*words: str) -> Digest:
    hashed = blake3()
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return Digest(hashed.hexdigest())
