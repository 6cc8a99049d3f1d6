"""Users, and their roles in projects."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from omprov.errors import AlreadyExists, Conflict, NotFound
from omprov.records import Member, Role, User, UserId, check_name, new_id

from ._tables import account, member, project, sign_in, sign_in_tries
from ._transaction import ReadTransaction, WriteTransaction, upsert

USER = (
    account.c.id,
    account.c.name,
    account.c.created,
    account.c.is_owner,
    account.c.disabled,
)
"""The columns of a `User`, in its order."""

_ANY = select(account.c.key).limit(1)
_USERS = select(*USER).order_by(account.c.name)
_BY_NAME = select(*USER).where(account.c.name == bindparam("name"))
_BY_ID = select(*USER).where(account.c.id == bindparam("id"))
_PASSWORD = select(*USER, account.c.password).where(account.c.name == bindparam("name"))
_KEY = select(account.c.key).where(account.c.id == bindparam("id"))
_MEMBERS = (
    select(*USER, member.c.role)
    .join(member, member.c.account_key == account.c.key)
    .join(project, project.c.key == member.c.project_key)
    .where(project.c.name == bindparam("project"))
    .order_by(account.c.name)
)
_ROLES = (
    select(project.c.name, member.c.role)
    .join(member, member.c.project_key == project.c.key)
    .join(account, account.c.key == member.c.account_key)
    .where(account.c.id == bindparam("id"))
    .order_by(project.c.name)
)
_OWNERS = (
    select(func.count())
    .select_from(account)
    .where(account.c.is_owner.is_(True), account.c.disabled.is_(False))
)
_PROJECT_KEY = select(project.c.key).where(project.c.name == bindparam("name"))


class PeopleReads(ReadTransaction):
    """Reads of users and members."""

    def has_users(self) -> bool:
        return self._connection.execute(_ANY).first() is not None

    def list_users(self) -> list[User]:
        return [User(*row) for row in self._connection.execute(_USERS)]

    def find_user(self, name: str) -> User | None:
        row = self._connection.execute(_BY_NAME, {"name": name}).first()
        return None if row is None else User(*row)

    def find_password(self, name: str) -> tuple[User, str] | None:
        row = self._connection.execute(_PASSWORD, {"name": name}).first()
        return None if row is None else (User(*row[:-1]), row[-1])

    def list_members(self, project: str) -> list[Member]:
        rows = self._connection.execute(_MEMBERS, {"project": project})
        return [Member(User(*row[:-1]), Role(row[-1])) for row in rows]

    def roles_of(self, user: UserId) -> dict[str, Role]:
        rows = self._connection.execute(_ROLES, {"id": user})
        return {name: Role(role) for name, role in rows}

    def _user(self, id: UserId) -> User:
        row = self._connection.execute(_BY_ID, {"id": id}).first()
        if row is None:
            raise NotFound("user", id)
        return User(*row)

    def _account_key(self, id: UserId) -> int:
        key: int | None = self._connection.execute(_KEY, {"id": id}).scalar()
        if key is None:
            raise NotFound("user", id)
        return key

    def _key_of_project(self, name: str) -> int:
        key: int | None = self._connection.execute(_PROJECT_KEY, {"name": name}).scalar()
        if key is None:
            raise NotFound("project", name)
        return key


class PeopleWrites(PeopleReads, WriteTransaction):
    """Changes of users and members."""

    def add_user(self, name: str, password: str, *, is_owner: bool) -> User:
        check_name(name, "user")
        if self.find_user(name) is not None:
            raise AlreadyExists("user", name)
        added = User(UserId(new_id(self._now)), name, self._now, is_owner)
        row = {
            "id": added.id,
            "name": name,
            "created": self._now,
            "is_owner": is_owner,
            "disabled": False,
            "password": password,
        }
        self._connection.execute(insert(account), row)
        self._check_owned("the first user has to own the server: make them its owner")
        self._note("user.add", name, {"id": added.id, "is_owner": is_owner})
        return added

    def set_user(
        self,
        id: UserId,
        *,
        password: str | None = None,
        is_owner: bool | None = None,
        disabled: bool | None = None,
    ) -> User:
        before, key = self._user(id), self._account_key(id)
        told: dict[str, Any] = {}
        if is_owner not in {None, before.is_owner}:
            told["is_owner"] = is_owner
        if disabled not in {None, before.disabled}:
            told["disabled"] = disabled
        changes = told if password is None else {**told, "password": password}
        if not changes:
            return before
        self._connection.execute(update(account).where(account.c.key == key).values(changes))
        self._check_owned(f"{before.name} is the last who owns the server: name another one first")
        if password is not None or told.get("disabled"):
            for table in (sign_in, sign_in_tries):
                self._connection.execute(delete(table).where(table.c.account_key == key))
        if password is not None:
            told["password"] = "changed"  # noqa: S105 it only says that it was
        self._note("user.set", before.name, told)
        return self._user(id)

    def renew_hash(self, id: UserId, old: str, new: str) -> None:
        stored = update(account).where(account.c.id == id, account.c.password == old)
        self._connection.execute(stored.values(password=new))

    def set_member(self, project: str, user: UserId, role: Role | None) -> None:
        project_key, key = self._key_of_project(project), self._account_key(user)
        before = self.roles_of(user).get(project)
        if before == role:
            return
        where = {"project_key": project_key, "account_key": key}
        if role is None:
            self._connection.execute(
                delete(member).where(
                    member.c.project_key == project_key, member.c.account_key == key
                )
            )
        else:
            put = upsert(self._dialect, member, "role")
            self._connection.execute(put, {**where, "role": role.value})
        self._note(
            "member.set",
            self._user(user).name,
            {"role": _shown(role), "previous": _shown(before)},
            project_key=project_key,
        )

    def _check_owned(self, otherwise: str) -> None:
        if not self._connection.execute(_OWNERS).scalar():
            raise Conflict(otherwise)


def _shown(role: Role | None) -> str | None:
    return None if role is None else role.value
