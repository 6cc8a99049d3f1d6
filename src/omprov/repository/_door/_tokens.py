"""Personal tokens, with which programs sign in."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput
from omprov.records import Role, TokenId
from omprov.repository._door._sign_ins import (
    NOTED_EVERY,
    SignIns,
    digest_of,
    may_be_secret,
    resolve_user,
)

if TYPE_CHECKING:
    from datetime import datetime

    from omprov.records import Token, User
    from omprov.repository._door._sign_ins import AnyUser

TOKEN = "omp_"  # noqa: S105 what tokens begin with is no secret
"""What the secret of a token begins with, so that scanners for leaked secrets find it."""

_TOKEN_NAME = 128


class Tokens(SignIns):
    """Personal tokens."""

    def add_token(
        self,
        user: AnyUser,
        name: str,
        *,
        role: Role = Role.EDITOR,
        project: str | None = None,
        expires: datetime | None = None,
    ) -> tuple[str, Token]:
        """Make a personal token.

        Args:
            user: whose.
            name: what it is for.
            role: it may do no more than this, and no more than its user.
            project: the only one it works in; left out, all of the user's.
            expires: from when on it does not work.

        Returns:
            The secret, which is stored nowhere and never shown again, and the token.

        Raises:
            NotFound: no such user or project.
            InvalidInput: it would have expired already, or the name is none.
        """
        _check_token_name(name)
        secret = TOKEN + secrets.token_urlsafe(32)
        now = self._clock()
        if expires is not None and (expires.tzinfo is None or expires <= now):
            raise InvalidInput(
                f"a token cannot expire at {expires.isoformat()}: take a time to come"
            )
        with self._catalog.write(self.who, now) as writer:
            token = writer.add_token(
                resolve_user(writer, user).id,
                name=name,
                role=role,
                project=project,
                expires=expires,
                digest=digest_of(secret),
            )
        return secret, token

    def find_token(self, secret: str) -> tuple[User, Token] | None:
        """Return whose token this is; ``None`` where it is unknown, expired or removed, or its user
        disabled.

        One indexed query, or none: what was found is known for two seconds. What changes in this
        process is seen at once, in another one after two seconds at most.
        """
        if not (secret.startswith(TOKEN) and may_be_secret(secret)):
            return None
        digest, now = digest_of(secret), self._clock()
        found = self._people.recall(
            ("token", digest), now, lambda: self._read(lambda r: r.find_token(digest))
        )
        if found is None:
            return None
        user, token = found
        if user.disabled or (token.expires is not None and now >= token.expires):
            return None
        if token.last_used is None or now >= token.last_used + NOTED_EVERY:
            key, used = ("token", digest), token.id
            if self._note_use(key, user, now, lambda writer: writer.note_token_used(used)):
                token = replace(token, last_used=now)
                self._people.renew(key, (user, token))
        return user, token

    def list_tokens(self, user: AnyUser) -> list[Token]:
        """Return the tokens of a user, the oldest first.

        Raises:
            NotFound: no such user.
        """
        with self._reading() as reader:
            return reader.list_tokens(resolve_user(reader, user).id)

    def remove_token(self, user: AnyUser, id: str) -> None:
        """Revoke a token: it stops at once.

        Raises:
            NotFound: the user has no such token.
        """
        with self._changing_people() as writer:
            writer.remove_token(resolve_user(writer, user).id, TokenId(id))


def _check_token_name(name: str) -> None:
    if not (name.strip() and name.isprintable() and len(name) <= _TOKEN_NAME):
        raise InvalidInput(
            f"{name[:24]!r} cannot be a token's name: take 1 to {_TOKEN_NAME} printable characters"
        )
