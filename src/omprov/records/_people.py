"""People: users of a server, their roles in projects, their tokens and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Role(StrEnum):
    """What somebody may do in a project; each may do what those before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    def allows(self, other: Role) -> bool:
        """Say whether whoever has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in.

    Attributes:
        is_owner: of the whole server: owner in every project, may make users and projects.
    """

    id: str
    name: str
    created: datetime
    is_owner: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """What stands for a user in programs. The secret itself is kept by nobody but them.

    Attributes:
        role: at most this role.
        project: in this project alone; ``None`` for all of the user's.
    """

    id: str
    user: str
    name: str
    role: Role
    project: str | None
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session of a browser."""

    user: User
    csrf: str
    expires: datetime
