"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omprov.repository import Repository

MEGABYTE = 1_000_000


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told when it starts. It travels to the workers.

    Attributes:
        folder: the repository; with `catalog`, where this server keeps what it may lose.
        catalog: the address of a shared catalog; ``None`` for the one in the folder.
        content: the bucket of its content; ``None`` where all servers share the folder.
        host: the address to listen at.
        port: the port; 0 takes a free one.
        workers: how many processes answer.
        project: the project of references and foreign requests that name none.
        who: whose changes those are that nobody signed in for.
        hosts: more names by which the server may be called (its ``Host`` header); without
            sign-in nothing but this machine's own names are taken.
        json_limit: how many bytes a JSON body may have.
        pack_limit: how many bytes a pack of content may have.
        idle_limit: seconds that a body may pause.
        clock: gives the time.
        tell: tells another system of what was recorded; see `omprov.server._telling`.
    """

    folder: Path
    catalog: str | None = None
    content: str | None = None
    host: str = "127.0.0.1"
    port: int = 6677
    workers: int = 1
    project: str | None = None
    who: str = "server"
    hosts: tuple[str, ...] = ()
    json_limit: int = 10 * MEGABYTE
    pack_limit: int = 64 * MEGABYTE
    idle_limit: float = 20.0
    clock: Callable[[], datetime] = now
    tell: Callable[[Repository], str] | None = None

    @property
    def is_shared(self) -> bool:
        """Whether others than this machine's own people can reach it: then sign-in is on."""
        return self.catalog is not None or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a name or address means this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
