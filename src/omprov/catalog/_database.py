"""What a catalog needs of a database beyond the SQL that all of them understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection, Engine


class Listener(Protocol):
    """Hears of commits of other processes. It works by itself until it is closed."""

    def is_connected(self) -> bool:
        """Say whether nothing is missed now."""
        ...

    def close(self) -> None:
        """Stop; does not wait."""
        ...


class Database(Protocol):
    """Where a catalog is kept: one SQLite file, or one schema of a PostgreSQL database.

    Attributes:
        place: what people call it, without any password.
        poll: seconds between two looks for what other processes committed, where nobody tells.
    """

    @property
    def place(self) -> str: ...
    @property
    def poll(self) -> float: ...

    def for_writing(self, engine: Engine) -> Engine:
        """Give an engine on the same connections for the one write transaction."""
        ...

    def problems(self, connection: Connection) -> list[str]:
        """Run the database's own checks."""
        ...

    def copy(self, engine: Engine, target: Path) -> None:
        """Write one state of everything to an SQLite file, empty or not there yet."""
        ...

    def listen(self, engine: Engine, tell: Callable[[int | None], None]) -> Listener | None:
        """Begin to hear of commits.

        Args:
            engine: gives a connection.
            tell: called, in another thread, with each new position of the feed; with ``None`` where
                some may have been missed.

        Returns:
            ``None`` where the database tells nothing by itself.
        """
        ...
