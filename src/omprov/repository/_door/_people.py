"""Users, their roles in projects, protected aliases, and the audit.

Nothing here asks who calls: the server decides that, by `role_in` and `is_protected`. Whoever opens
the folder of a repository can do all of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.catalog import Tries
from omprov.errors import NotFound
from omprov.records import Role, check_name
from omprov.repository._door._sign_ins import resolve_user
from omprov.repository._door._tokens import Tokens
from omprov.repository._passwords import hash_password, hashing_turn
from omprov.repository._resolving import resolve_asset
from omprov.repository._sign_in_tries import Subjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog import CatalogReader
    from omprov.records import AuditRow, Member, User
    from omprov.repository._door._opened import AnyAsset
    from omprov.repository._door._sign_ins import AnyUser


class People(Tokens):
    """Users, members, protected aliases, the audit."""

    def has_users(self) -> bool:
        """Say whether a user was ever made."""
        if not self._people.has_users:
            self._people.has_users = self._read(lambda reader: reader.has_users())
        return self._people.has_users

    def add_user(self, name: str, password: str, *, owner: bool = False) -> User:
        """Make a user.

        Args:
            name: 1 to 128 of ``a-z 0-9 . _ -``; it stays theirs for ever.
            password: at least 8 characters.
            owner: whether the whole server is theirs; the first user's has to be.

        Raises:
            AlreadyExists: the name is taken, perhaps by a disabled user.
            Conflict: it is the first user, and no owner.
            InvalidInput: the name or the password cannot be one.
            MissingExtra: argon2-cffi is not installed.
        """
        check_name(name, "user")
        with hashing_turn():
            hashed = hash_password(password)
        with self._changing_people() as writer:
            return writer.add_user(name, hashed, is_owner=owner)

    def list_users(self) -> list[User]:
        """Return all users by name, disabled ones included."""
        return self._read(lambda reader: reader.list_users())

    def get_user(self, name: str) -> User:
        """Return a user.

        Raises:
            NotFound: there is none of this name.
        """
        return self._read(lambda reader: resolve_user(reader, name))

    def set_user(
        self,
        name: str,
        *,
        password: str | None = None,
        owner: bool | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given.

        A new password ends all of the user's sessions, and lets them try again at once where their
        name was refused. Being disabled ends their sessions, too, and their tokens do nothing until
        they are enabled again.

        Raises:
            NotFound: no such user.
            Conflict: nobody would be left who owns the server.
            InvalidInput: the password cannot be one.
            MissingExtra: argon2-cffi is not installed.
        """
        hashed: str | None = None
        if password is not None:
            with hashing_turn():
                hashed = hash_password(password)
        with self._changing_people() as writer:
            user = resolve_user(writer, name)
            if hashed is not None:
                writer.put_tries({Subjects.of(name, "").name: Tries()})
            return writer.set_user(user.id, password=hashed, is_owner=owner, disabled=disabled)

    def set_member(self, project: str, user: AnyUser, role: Role | None) -> None:
        """Give a user a role in a project, or take it with ``None``.

        Raises:
            NotFound: no such project or user.
        """
        with self._changing_people() as writer:
            _check_project(writer, project)
            writer.set_member(project, resolve_user(writer, user).id, role)

    def list_members(self, project: str) -> list[Member]:
        """Return who has a role in a project, by name. Owners of the server need none.

        Raises:
            NotFound: no such project.
        """
        with self._reading() as reader:
            _check_project(reader, project)
            return reader.list_members(project)

    def role_in(self, user: User, project: str) -> Role | None:
        """Return what a user may do in a project; ``None`` for nothing, not even know of it.

        An owner of the server is owner in every project, be there one of that name or not. A change
        in this process is seen at once, in another one after two seconds at most.
        """
        if user.disabled:
            return None
        return Role.OWNER if user.is_owner else self._roles(user).get(project)

    def roles_of(self, user: User) -> Mapping[str, Role]:
        """Return the projects that a user sees, with their role there, by name."""
        if user.disabled:
            return {}
        if user.is_owner:
            return {project.name: Role.OWNER for project in self._read(lambda r: r.list_projects())}
        return dict(self._roles(user))

    def protect_alias(self, asset: AnyAsset, alias: str, protected: bool) -> None:  # noqa: FBT001 the word says it
        """Protect an alias of an asset, be it set or not, or lift that.

        Who may move it then is for the server to decide; here it only stands.

        Raises:
            NotFound: no such asset.
            InvalidInput: it cannot be an alias.
        """
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            writer.set_protected(found.id, alias, protected=protected)

    def is_protected(self, asset: AnyAsset, alias: str) -> bool:
        """Tell whether an alias of an asset is protected.

        Raises:
            NotFound: no such asset.
        """
        return alias in self.list_protected(asset)

    def list_protected(self, asset: AnyAsset) -> list[str]:
        """Return the protected aliases of an asset, be they set or not.

        Raises:
            NotFound: no such asset.
        """
        with self._reading() as reader:
            return reader.list_protected(resolve_asset(reader, asset, self.project).name)

    def list_audit(
        self, *, limit: int = 100, below: int | None = None, project: str | None = None
    ) -> list[AuditRow]:
        """Return who did what, the latest first.

        Args:
            limit: at most so many.
            below: only rows whose key is below this one, to page on.
            project: only what was done in this project.
        """
        return self._read(
            lambda reader: reader.list_audit(limit=limit, below=below, project=project)
        )

    def _roles(self, user: User) -> Mapping[str, Role]:
        roles = self._people.recall(
            ("roles", user.id),
            self._clock(),
            lambda: self._read(lambda reader: reader.roles_of(user.id)),
        )
        return roles or {}


def _check_project(reader: CatalogReader, name: str) -> None:
    if reader.find_project(name) is None:
        raise NotFound("project", name, [project.name for project in reader.list_projects()][:5])
