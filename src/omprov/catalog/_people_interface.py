"""What a catalog promises about users, what they sign in with, and protected aliases.

It checks no password and decides nothing: the repository does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from omprov.records import (
        AssetId,
        AssetName,
        AuditRow,
        Digest,
        Member,
        Role,
        Token,
        TokenId,
        User,
        UserId,
    )


@dataclass(frozen=True, slots=True)
class StoredSignIn:
    """A session as it is stored.

    Attributes:
        expires: when it ends, however much it is used.
        used: when it was last noted to be used.
    """

    user: User
    created: datetime
    expires: datetime
    used: datetime


@dataclass(frozen=True, slots=True)
class Tries:
    """What is remembered of failed sign-ins of one sort.

    Attributes:
        times: of the latest failures, oldest first.
        level: how many times in a row further tries were refused.
        until: when the last of these times ends.
        user: who has signed in from this place before; their failures here count apart.
    """

    times: tuple[datetime, ...] = ()
    level: int = 0
    until: datetime | None = None
    user: UserId | None = None


class PeopleReader(Protocol):
    """Reads of users and of what belongs to them."""

    def has_users(self) -> bool:
        """Say whether a user was ever made; users are disabled, and never gone."""
        ...

    def list_users(self) -> list[User]:
        """Return all users by name, disabled ones included."""
        ...

    def find_user(self, name: str) -> User | None: ...
    def find_password(self, name: str) -> tuple[User, str] | None:
        """Return the user of this name and the stored hash of their password."""
        ...

    def list_members(self, project: str) -> list[Member]:
        """Return who has a role in a project, by name."""
        ...

    def roles_of(self, user: UserId) -> dict[str, Role]:
        """Return the projects in which a user has a role."""
        ...

    def find_token(self, digest: Digest) -> tuple[User, Token] | None:
        """Return the token with this secret, in one query, be it expired or its user disabled."""
        ...

    def list_tokens(self, user: UserId) -> list[Token]:
        """Return the tokens of a user, the oldest first."""
        ...

    def find_sign_in(self, digest: Digest) -> StoredSignIn | None:
        """Return the session with this secret, in one query, be it expired."""
        ...

    def find_tries(self, subjects: Iterable[Digest]) -> dict[Digest, Tries]:
        """Return what is remembered under these digests; nothing of the others."""
        ...

    def list_protected(self, asset: AssetName) -> list[str]:
        """Return the protected aliases of an asset, be they set or not."""
        ...

    def last_move(self, asset: AssetName, alias: str) -> AuditRow | None:
        """Return who moved an alias last."""
        ...


class PeopleWriter(Protocol):
    """Changes of users and of what belongs to them.

    They append audit rows, without any secret, and no feed rows: no graph knows of people. What is
    noted of use and of failed tries is in no audit either.
    """

    def add_user(self, name: str, password: str, *, is_owner: bool) -> User:
        """Add a user.

        Args:
            name: as `check_name` allows.
            password: the hash of it.
            is_owner: of the whole server.

        Raises:
            AlreadyExists: the name is taken.
            Conflict: there would be users, and none who owns the server.
        """
        ...

    def set_user(
        self,
        id: UserId,
        *,
        password: str | None = None,
        is_owner: bool | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given. A new password, or being disabled, ends all of their sign-ins, and
        drops what is remembered of their tries.

        Raises:
            Conflict: nobody would be left who owns the server.
        """
        ...

    def renew_hash(self, id: UserId, old: str, new: str) -> None:
        """Store another hash of the same password; do nothing where it is no longer `old`."""
        ...

    def set_member(self, project: str, user: UserId, role: Role | None) -> None:
        """Give a user a role in a project, or take it with ``None``.

        Raises:
            NotFound: no such project or user.
        """
        ...

    def add_token(
        self,
        user: UserId,
        *,
        name: str,
        role: Role,
        project: str | None,
        expires: datetime | None,
        digest: Digest,
    ) -> Token:
        """Add a token whose secret has this digest.

        Raises:
            NotFound: no such user or project.
        """
        ...

    def remove_token(self, user: UserId, id: TokenId) -> None:
        """Forget a token; the audit keeps that it was.

        Raises:
            NotFound: the user has no such token.
        """
        ...

    def note_token_used(self, id: TokenId) -> None:
        """Set when the token was last used; a token that is gone is passed over."""
        ...

    def add_sign_in(self, user: UserId, digest: Digest, expires: datetime) -> None:
        """Add a session whose secret has this digest."""
        ...

    def note_sign_in_used(self, digest: Digest) -> None:
        """Set when the session was last used; one that is gone is passed over."""
        ...

    def remove_sign_in(self, digest: Digest) -> None:
        """End a session; do nothing where there is none."""
        ...

    def remove_stale_sign_ins(self, unused_since: datetime) -> None:
        """Forget the sessions that have expired, or were not used from this time on."""
        ...

    def put_tries(self, tries: Mapping[Digest, Tries]) -> None:
        """Remember failures under these digests, in place of what was remembered there."""
        ...

    def remove_stale_tries(self, before: datetime, *, known_before: datetime) -> None:
        """Forget what was put before the one time, and before the other of known places."""
        ...

    def set_protected(self, asset: AssetId, alias: str, *, protected: bool) -> None:
        """Protect an alias, be it set or not, or lift that; do nothing where it is so already."""
        ...
