"""Users, their roles, what they sign in with, and the audit of what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ._ids import TokenId, UserId


class Role(StrEnum):
    """What somebody may do in a project; each role includes the ones before it.

    Compare roles with `allows` and `lesser`: ``<`` compares their letters.
    """

    VIEWER = "viewer"
    """Sees everything in the project."""
    EDITOR = "editor"
    """Records, changes and removes, too."""
    OWNER = "owner"
    """Decides who is a member, and moves protected aliases, too."""

    def allows(self, other: Role) -> bool:
        """Tell whether this role includes what the other one may do."""
        return _RANK[self] >= _RANK[other]

    def lesser(self, other: Role) -> Role:
        """Return the one of the two that may do less."""
        return other if self.allows(other) else self


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in.

    Attributes:
        name: what stands as creator and in the audit; it never changes.
        is_owner: whether the whole server is theirs: owner in every project, makes users and
            projects.
        disabled: whether they cannot sign in any more; their name stays in history.
    """

    id: UserId
    name: str
    created: datetime
    is_owner: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A user with a role in a project."""

    user: User
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """A personal token; its secret is known only to whoever made it.

    Attributes:
        user: the name of whose it is.
        name: what it is for, in their words.
        role: it can do no more than this, whatever its user may.
        project: the only project it works in; ``None`` for all of its user's.
        expires: from when on it does not work; ``None`` for never.
        last_used: to within five minutes.
    """

    id: TokenId
    user: str
    name: str
    role: Role
    project: str | None
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None

    def limit(self, project: str, role: Role | None) -> Role | None:
        """Return what a user with this role in a project may do there with this token."""
        if role is None or self.project not in {None, project}:
            return None
        return role.lesser(self.role)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session of a browser.

    Attributes:
        csrf: what a page must send with every change, beside the cookie.
        expires: when it ends, however much it is used.
    """

    user: User
    csrf: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, when.

    Attributes:
        key: rises with each row of the repository; to page on.
        project: where, if it was in one project.
    """

    time: datetime
    who: str
    action: str
    target: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    project: str | None = None
    key: int = 0
