"""Who asks, and what they may do: the one place where routes get at the repository.

A thing in a project that somebody cannot see is answered exactly as one that does not exist. What
they see, but may not change, raises `NotAllowed`. Whoever asks is found on the first use of an
`Access`, in the thread that serves the request.
"""

from __future__ import annotations

import base64
import difflib
import hmac
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from omprov.errors import InvalidInput, NotAllowed, NotFound, NotSignedIn
from omprov.records import AssetId, AssetName, Reference, Role, RunId, VersionId

from ._origins import check_origin

if TYPE_CHECKING:
    from omprov.records import Asset, Project, Run, SignIn, Token, User, Version
    from omprov.repository import Repository

    from ._settings import Settings

COOKIE = "omprov_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Reception:
    """What every request meets: the repository, and whether one has to sign in."""

    repository: Repository
    settings: Settings
    sign_in: bool
    _projects: set[str] = field(default_factory=set)

    def has_project(self, name: str) -> bool:
        """Say whether there is a project; one that there is stays."""
        if name not in self._projects:
            self._projects.update(one.name for one in self.repository.list_projects())
        return name in self._projects


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        user: ``None`` where nobody has to sign in.
        token: what they showed, where it was a token.
        session: the same for a browser's session.
    """

    user: User | None = None
    token: Token | None = None
    session: SignIn | None = None


class Access:
    """What the sender of one request may do."""

    def __init__(self, reception: Reception, request: Request) -> None:
        self.reception = reception
        self.request = request
        self._roles: dict[str, Role | None] = {}

    # ------------------------------------------------------------------ who

    @cached_property
    def caller(self) -> Caller:
        """Who asks.

        Raises:
            NotSignedIn: nobody, or nobody known.
            NotAllowed: another web site asks in the name of somebody's browser.
        """
        if not self.reception.sign_in:
            return Caller()
        found = self._by_header() or self._by_cookie()
        if found is None:
            raise NotSignedIn("sign in first: send a token (`Authorization: Bearer omp_…`)")
        self.request.scope["omprov.who"] = found.user.name if found.user else ""
        return found

    def _by_header(self) -> Caller | None:
        header = self.request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, value = header.partition(" ")
        match scheme.lower():
            case "bearer":
                return self._by_token(value.strip())
            case "basic":
                name, secret = _read_basic(value)
                if secret.startswith("omp_"):
                    return self._by_token(secret)
                return Caller(
                    self.reception.repository.check_password(
                        name, secret, origin=self.origin, repeated=True
                    )
                )
            case _:
                raise NotSignedIn(f"{scheme[:20]!r} is no way to sign in here: send a Bearer token")

    def _by_token(self, secret: str) -> Caller:
        found = self.reception.repository.find_token(secret)
        if found is None:
            raise NotSignedIn("this token is unknown, expired or revoked: make another one")
        user, token = found
        return Caller(user, token)

    def _by_cookie(self) -> Caller | None:
        secret = self.request.cookies.get(COOKIE)
        session = self.reception.repository.find_sign_in(secret) if secret else None
        if session is None:
            return None
        if self.request.method not in _SAFE:
            check_origin(self.request.headers)
            shown = self.request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(shown.encode(), session.csrf.encode()):
                raise NotAllowed(
                    f"the header {CSRF_HEADER} is not that of this session: `GET /api/v1/me` "
                    "says what it is"
                )
        return Caller(session.user, session=session)

    @property
    def origin(self) -> str:
        """Where the request comes from."""
        client = self.request.client
        return "" if client is None else client.host

    @property
    def who(self) -> str:
        """The name recorded with every change."""
        user = self.caller.user
        return self.reception.repository.who if user is None else user.name

    @property
    def user(self) -> User:
        """Whoever signed in.

        Raises:
            NotFound: nobody has to sign in here.
        """
        user = self.caller.user
        if user is None:
            raise NotFound("user", "", hint="Nobody signs in to this server.")
        return user

    # ------------------------------------------------------------------ what they may

    @cached_property
    def repository(self) -> Repository:
        """The repository, as whoever asks works with it; nothing is checked yet."""
        return self.reception.repository.view(who=self.who, owns=self._owns)

    @property
    def is_server_owner(self) -> bool:
        """Whether they are owner of the whole server, and not limited by a token."""
        user, token = self.caller.user, self.caller.token
        if user is None:
            return True
        limited = token is not None and (token.role is not Role.OWNER or token.project is not None)
        return user.is_owner and not limited

    def check_server_owner(self) -> None:
        """Raise `NotAllowed` unless they are owner of the server."""
        if not self.is_server_owner:
            raise NotAllowed("only an owner of this server may do this")

    def check_person(self) -> User:
        """Return whoever signed in themselves, or with a token that is not limited.

        Raises:
            NotAllowed: a token asks that is limited.
        """
        user, token = self.user, self.caller.token
        if token is not None and (token.role is not Role.OWNER or token.project is not None):
            raise NotAllowed("a limited token may not do this: sign in")
        return user

    def role_in(self, project: str) -> Role | None:
        """Return their role in a project; ``None`` where they do not see it."""
        user, token = self.caller.user, self.caller.token
        if user is None:
            return Role.OWNER
        if token is not None and token.project not in (None, project):
            return None
        if project not in self._roles:
            self._roles[project] = (
                Role.OWNER if user.is_owner else self.repository.role_in(user, project)
            )
        role = self._roles[project]
        if role is None or token is None or token.role.allows(role):
            return role
        return token.role

    def sees(self, project: str) -> bool:
        """Say whether they see a project."""
        return self.role_in(project) is not None

    @property
    def sees_all(self) -> bool:
        """Whether they see every project."""
        user, token = self.caller.user, self.caller.token
        return user is None or (user.is_owner and (token is None or token.project is None))

    def list_projects(self) -> list[Project]:
        """Return the projects that they see."""
        return [one for one in self.repository.list_projects() if self.sees(one.name)]

    def in_project(self, project: str, role: Role) -> Repository:
        """Return the repository, as they work with it in a project.

        Raises:
            NotFound: there is no such project, or they do not see it.
            NotAllowed: they may not do there what takes this role.
        """
        self.check(project, role)
        return self.at(project)

    def at(self, project: str) -> Repository:
        """Return the repository, as they work with it in a project; nothing is checked yet."""
        return self.repository.view(who=self.who, project=project)

    def _owns(self, project: str) -> bool:
        return self.role_in(project) is Role.OWNER

    def check(self, project: str, role: Role) -> None:
        """Raise as `in_project` does."""
        found = self.role_in(project)
        if found is None or not self.reception.has_project(project):
            names = [one.name for one in self.list_projects()]
            raise NotFound("project", project, difflib.get_close_matches(project, names, n=3))
        if not found.allows(role):
            raise NotAllowed(
                f"this takes the role {role} in the project {project}; {self.who} has {found} there"
            )

    # ------------------------------------------------------------------ things

    def version(
        self, named: str | Version, role: Role, *, project: str = "", removed: bool = False
    ) -> Version:
        """Return a version, checked.

        Args:
            named: its id, or a reference.
            role: what is going to be done takes it.
            project: the project of references that name none.
            removed: a removed version may be meant.

        Raises:
            NotFound: there is none, or it is in a project that they do not see.
            NotAllowed: they may not do this to it.
        """
        if isinstance(named, str) and not is_id(named):
            self.reference(named, role, project)
            return self.at(project).get_version(named, removed=removed)
        return self.version_by_id(
            named if isinstance(named, str) else named.id, role, removed=removed
        )

    def version_by_id(self, named: str, role: Role, *, removed: bool = False) -> Version:
        """Return a version by its id, checked; raises as `version` does."""
        found = self.repository.get_version_by_id(VersionId(named))
        self._check_thing(found.asset.project, role, NotFound("version", named))
        if found.removed is not None and not removed:
            raise NotFound("version", found, hint=f"It was removed on {found.removed:%Y-%m-%d}.")
        return found

    def asset(self, named: str, role: Role, *, project: str = "") -> Asset:
        """Return an asset by its id or a reference, checked; raises as `version` does."""
        if not is_id(named):
            self.reference(named, role, project)
            return self.at(project).get_asset(named)
        return self.asset_by_id(named, role)

    def asset_by_id(self, named: str, role: Role) -> Asset:
        """Return an asset by its id, be it removed, checked; raises as `version` does."""
        found = self.repository.get_asset_by_id(AssetId(named))
        self._check_thing(found.name.project, role, NotFound("asset", named))
        return found

    def run(self, id: str, role: Role, *, project: str | None = None) -> Run:
        """Return a run by its whole id, checked; raises as `version` does.

        Args:
            id: of the run.
            role: what is going to be done takes it.
            project: whose run it has to be.
        """
        missing = NotFound("run", id, hint="`omprov runs` lists them.")
        if not is_id(id):
            raise missing
        found = self.repository.find_run(RunId(id))
        if found is None:
            raise missing
        self._check_thing(found.project, role, missing)
        if project is not None and found.project != project:
            raise missing
        return found

    def project_of_run(self, id: str, role: Role) -> str:
        """Return the project of a run, checked, without reading the run; raises as `run` does."""
        missing = NotFound("run", id, hint="`omprov runs` lists them.")
        found = self.repository.project_of_run(RunId(id)) if is_id(id) else None
        if found is None:
            raise missing
        self._check_thing(found, role, missing)
        return found

    def reference(self, text: str, role: Role, project: str) -> Reference:
        """Read a reference to something in a project where they may do what takes this role.

        Raises:
            InvalidReference: the text is none.
            NotFound: there is no such project, or they do not see it.
            NotAllowed: they may not do this there.
        """
        wanted = Reference.parse(text)
        self.check(wanted.project or project, role)
        return wanted

    def asset_name(self, name: AssetName | str, role: Role, project: str) -> AssetName | Reference:
        """Return the full name of an asset that may be made, where they may do that."""
        if isinstance(name, str):
            return self.reference(name, role, project)
        self.check(name.project, role)
        return name

    def _check_thing(self, project: str, role: Role, missing: NotFound) -> None:
        if not self.sees(project):
            raise missing
        self.check(project, role)


def is_id(text: str) -> bool:
    """Say whether a text is an id; an asset that is called like one is named with its kind."""
    return _UUID.fullmatch(text) is not None


def access_of(request: Request) -> Access:
    """Return the access of a request; whoever asks is found when it is used."""
    return Access(request.app.state.reception, request)


async def _access(request: Request) -> Access:
    return access_of(request)


Asking = Annotated[Access, Depends(_access)]
"""A parameter of routes: the access of the request."""


def repository_of(request: Request, project: str | None, *, writes: bool) -> Repository:
    """Return the repository for a foreign protocol, checked; its ``project`` and ``who`` are right.

    Args:
        request: what came in.
        project: the project it names; ``None`` for the server's own.
        writes: whether it changes anything.

    Raises:
        NotSignedIn: nobody known asks.
        NotFound: there is no such project, or they do not see it.
        NotAllowed: they may not write there.
    """
    access = access_of(request)
    home = project or access.reception.repository.project
    return access.in_project(home, Role.EDITOR if writes else Role.VIEWER)


def _read_basic(value: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        colon, name, secret = "", "", ""
    if not colon:
        raise InvalidInput("the Authorization header is no name and password")
    return name, secret
