"""What users sign in with: tokens, sessions, and the tries that failed. No secret is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, or_, select, update

from omprov.errors import NotFound
from omprov.records import Role, Token, TokenId, User, new_id

from ._people import USER, PeopleReads, PeopleWrites
from ._people_interface import StoredSignIn, Tries
from ._tables import account, project, sign_in, sign_in_tries, token
from ._transaction import in_batches, upsert
from ._types import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from omprov.records import Digest, UserId

    from ._transaction import AnyRow

_TOKEN = (
    token.c.id,
    account.c.name,
    token.c.name,
    token.c.role,
    project.c.name,
    token.c.created,
    token.c.expires,
    token.c.last_used,
)
_TOKENS = (
    select(*USER, *_TOKEN)
    .select_from(token)
    .join(account, account.c.key == token.c.account_key)
    .outerjoin(project, project.c.key == token.c.project_key)
    .order_by(token.c.key)
)
_BY_DIGEST = _TOKENS.where(token.c.digest == bindparam("digest"))
_OF_USER = _TOKENS.where(account.c.id == bindparam("id"))
_USE_TOKEN = update(token).where(token.c.id == bindparam("of")).values(last_used=bindparam("now"))
_SIGN_IN = (
    select(*USER, sign_in.c.created, sign_in.c.expires, sign_in.c.used)
    .join(sign_in, sign_in.c.account_key == account.c.key)
    .where(sign_in.c.digest == bindparam("digest"))
)
_USE_SIGN_IN = (
    update(sign_in).where(sign_in.c.digest == bindparam("of")).values(used=bindparam("now"))
)
_TRIES = (
    select(
        sign_in_tries.c.subject,
        sign_in_tries.c.times,
        sign_in_tries.c.level,
        sign_in_tries.c.until,
        account.c.id,
    )
    .outerjoin(account, account.c.key == sign_in_tries.c.account_key)
    .where(sign_in_tries.c.subject.in_(bindparam("subjects", expanding=True)))
)


class SecretReads(PeopleReads):
    """Reads of tokens, sessions and failed tries."""

    def find_token(self, digest: Digest) -> tuple[User, Token] | None:
        row = self._connection.execute(_BY_DIGEST, {"digest": digest}).first()
        return None if row is None else (User(*row[: len(USER)]), _to_token(row))

    def list_tokens(self, user: UserId) -> list[Token]:
        return [_to_token(row) for row in self._connection.execute(_OF_USER, {"id": user})]

    def find_sign_in(self, digest: Digest) -> StoredSignIn | None:
        row = self._connection.execute(_SIGN_IN, {"digest": digest}).first()
        return None if row is None else StoredSignIn(User(*row[: len(USER)]), *row[len(USER) :])

    def find_tries(self, subjects: Iterable[Digest]) -> dict[Digest, Tries]:
        found: dict[Digest, Tries] = {}
        for batch in in_batches(subjects):
            rows = self._connection.execute(_TRIES, {"subjects": batch})
            for subject, times, level, until, user in rows:
                found[subject] = Tries(tuple(map(from_microseconds, times)), level, until, user)
        return found


class SecretWrites(SecretReads, PeopleWrites):
    """Changes of tokens, sessions and failed tries."""

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
        owner, key = self._user(user), self._account_key(user)
        added = Token(
            id=TokenId(new_id(self._now)),
            user=owner.name,
            name=name,
            role=role,
            project=project,
            created=self._now,
            expires=expires,
        )
        row = {
            "id": added.id,
            "account_key": key,
            "name": name,
            "role": role.value,
            "project_key": None if project is None else self._key_of_project(project),
            "digest": digest,
            "created": self._now,
            "expires": expires,
            "last_used": None,
        }
        self._connection.execute(insert(token), row)
        detail = {
            "id": added.id,
            "name": name,
            "role": role.value,
            "project": project,
            "expires": None if expires is None else expires.isoformat(),
        }
        self._note("token.add", owner.name, detail)
        return added

    def remove_token(self, user: UserId, id: TokenId) -> None:
        found = next((one for one in self.list_tokens(user) if one.id == id), None)
        if found is None:
            raise NotFound("token", id)
        self._connection.execute(delete(token).where(token.c.id == id))
        self._note("token.remove", found.user, {"id": id, "name": found.name})

    def note_token_used(self, id: TokenId) -> None:
        self._connection.execute(_USE_TOKEN, {"of": id, "now": self._now})

    def add_sign_in(self, user: UserId, digest: Digest, expires: datetime) -> None:
        row = {
            "digest": digest,
            "account_key": self._account_key(user),
            "created": self._now,
            "expires": expires,
            "used": self._now,
        }
        self._connection.execute(insert(sign_in), row)
        self._note("sign-in.add", self._user(user).name, {})

    def note_sign_in_used(self, digest: Digest) -> None:
        self._connection.execute(_USE_SIGN_IN, {"of": digest, "now": self._now})

    def remove_sign_in(self, digest: Digest) -> None:
        found = self.find_sign_in(digest)
        if found is not None:
            self._connection.execute(delete(sign_in).where(sign_in.c.digest == digest))
            self._note("sign-in.remove", found.user.name, {})

    def remove_stale_sign_ins(self, unused_since: datetime) -> None:
        stale = or_(sign_in.c.expires <= self._now, sign_in.c.used <= unused_since)
        self._connection.execute(delete(sign_in).where(stale))

    def put_tries(self, tries: Mapping[Digest, Tries]) -> None:
        rows = [
            {
                "subject": subject,
                "account_key": None if one.user is None else self._account_key(one.user),
                "times": [to_microseconds(time) for time in one.times],
                "level": one.level,
                "until": one.until,
                "touched": self._now,
            }
            for subject, one in tries.items()
        ]
        if rows:
            renewed = ("account_key", "times", "level", "until", "touched")
            self._connection.execute(upsert(self._dialect, sign_in_tries, *renewed), rows)

    def remove_stale_tries(self, before: datetime, *, known_before: datetime) -> None:
        tries = sign_in_tries.c
        for stale in (
            (tries.account_key.is_(None), tries.touched < before),
            (tries.account_key.is_not(None), tries.touched < known_before),
        ):
            self._connection.execute(delete(sign_in_tries).where(*stale))


def _to_token(row: AnyRow) -> Token:
    token_id, user, name, role, project_name, created, expires, last_used = row[len(USER) :]
    return Token(
        id=token_id,
        user=user,
        name=name,
        role=Role(role),
        project=project_name,
        created=created,
        expires=expires,
        last_used=last_used,
    )
