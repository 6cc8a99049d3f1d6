"""People of the server: users, members of projects, protected aliases, the audit."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from omprov.client._door._opened import not_here, path_of
from omprov.client._door._versions import Versions
from omprov.records import AuditRow, Member, User

if TYPE_CHECKING:
    from omprov.records import Role
    from omprov.repository import AnyAsset


class People(Versions):
    """People of the server."""

    def list_users(self) -> list[User]:
        """Return the users."""
        return self._get(list[User], "/users")

    def get_user(self, name: str) -> User:
        """Return a user."""
        return self._get(User, path_of("users", name))

    def add_user(self, name: str, password: str, *, owner: bool = False) -> User:
        """Make a user; see `Repository.add_user`."""
        body = {"name": name, "password": password, "owner": owner}
        return self._send(User, "POST", "/users", body)

    def set_user(
        self,
        name: str,
        *,
        password: str | None = None,
        owner: bool | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given of a user; see `Repository.set_user`."""
        body = {"password": password, "owner": owner, "disabled": disabled}
        return self._send(User, "PATCH", path_of("users", name), body)

    def list_members(self, project: str) -> list[Member]:
        """Return the members of a project with their roles."""
        return self._get(list[Member], path_of("projects", project, "members"))

    def set_member(self, project: str, user: User | str, role: Role | None) -> None:
        """Give a user a role in a project, or take them out of it."""
        name = user if isinstance(user, str) else user.name
        path = path_of("projects", project, "members", name)
        if role is None:
            self.connection.send("DELETE", path)
        else:
            self.connection.send("PUT", path, {"role": role.value})

    def protect_alias(self, asset: AnyAsset, alias: str, protected: bool) -> None:  # noqa: FBT001 - the twin's
        """Let only owners move an alias, or everybody who may edit."""
        path = self._asset_path(self.get_asset(asset), "aliases", alias, "protection")
        self.connection.send("PUT", path, {"protected": protected})

    def is_protected(self, asset: AnyAsset, alias: str) -> bool:
        """Say whether only owners move an alias."""
        return alias in self.list_protected(asset)

    def list_protected(self, asset: AnyAsset) -> list[str]:
        """Return the aliases that only owners move."""
        return self._get(list[str], self._asset_path(self.get_asset(asset), "protected-aliases"))

    def list_audit(
        self, *, limit: int = 100, below: int | None = None, project: str | None = None
    ) -> list[AuditRow]:
        """Return who did what, newest first."""
        rows = self._get_all(AuditRow, "/audit", project=project)
        return list(islice((row for row in rows if below is None or row.key < below), limit))

    def list_tokens(self, *_: object) -> NoReturn:
        """Refuse: each person keeps their own, in the browser or by `omprov login`."""
        raise not_here("listing somebody's tokens")

    def add_token(self, *_: object, **__: object) -> NoReturn:
        """Refuse: `omprov login` makes one's own."""
        raise not_here("making a token for somebody")

    def remove_token(self, *_: object) -> NoReturn:
        """Refuse: each person keeps their own."""
        raise not_here("revoking somebody's token")
