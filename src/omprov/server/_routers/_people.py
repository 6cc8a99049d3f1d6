"""People: signing in and out, tokens, users, members, and the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from omprov.errors import NotAllowed
from omprov.records import AuditRow, Member, Role, SignIn, Token, User
from omprov.server._access import COOKIE, Asking
from omprov.server._answers import answer, answer_one, nothing
from omprov.server._origins import check_origin
from omprov.server._paging import Cursor, Limit, make_cursor, page, read_cursor
from omprov.server._schemas._records import ref, schema_of
from omprov.server._schemas._requests import MemberRole, NewToken, NewUser, SignInBody, UserChange

from ._declaring import array_of, changes, gives, gives_one, lists, make_router

router = make_router("people")
_ROLE = schema_of(Role)
_ME = {
    "type": "object",
    "description": "Who you are; all null where nobody signs in.",
    "properties": {
        "user": {"anyOf": [ref(User), {"type": "null"}]},
        "who": {"type": "string", "description": "The name recorded with your changes."},
        "csrf": {
            "type": ["string", "null"],
            "description": "Of a session: the header X-CSRF-Token of every change.",
        },
        "token": {"anyOf": [ref(Token), {"type": "null"}]},
        "roles": {"type": "object", "additionalProperties": _ROLE},
        "sign_in": {"type": "boolean", "description": "Whether people sign in here."},
    },
    "required": ["user", "who", "csrf", "token", "roles", "sign_in"],
    "additionalProperties": False,
}
_NEW_TOKEN = {
    "type": "object",
    "properties": {
        "secret": {"type": "string", "description": "Shown now, and never again."},
        "token": ref(Token),
    },
    "required": ["secret", "token"],
    "additionalProperties": False,
}


@router.post("/sign-in", **changes(ref(SignIn)))
def sign_in(asking: Asking, body: SignInBody) -> Response:
    """Sign in with a name and a password, for a browser: the session is a cookie."""
    check_origin(asking.request.headers)
    repository = asking.reception.repository
    user = repository.check_password(body.name, body.password, origin=asking.origin)
    secret, session = repository.sign_in(user)
    found = answer(asking.request, session)
    age = int((session.expires - asking.reception.settings.clock()).total_seconds())
    found.set_cookie(
        COOKIE,
        secret,
        max_age=max(age, 0),
        httponly=True,
        samesite="lax",
        secure=asking.request.url.scheme == "https",
    )
    return found


@router.post("/sign-out", **changes(None))
def sign_out(asking: Asking) -> Response:
    """End the session of this browser."""
    session = asking.caller.session
    secret = asking.request.cookies.get(COOKIE)
    if session is not None and secret:
        asking.reception.repository.sign_out(secret)
    found = nothing()
    found.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return found


@router.get("/me", **gives(_ME, one=True))
def get_me(asking: Asking) -> Response:
    """Say who you are, and what you may do where."""
    caller = asking.caller
    roles = {one.name: asking.role_in(one.name) for one in asking.list_projects()}
    return answer_one(
        asking.request,
        {
            "user": caller.user,
            "who": asking.who,
            "csrf": caller.session.csrf if caller.session else None,
            "token": caller.token,
            "roles": roles,
            "sign_in": asking.reception.sign_in,
        },
    )


@router.get("/tokens", **gives(array_of(Token)))
def list_tokens(asking: Asking) -> Response:
    """List your tokens; their secrets are kept by nobody but you."""
    return answer(asking.request, list(asking.repository.list_tokens(asking.user)))


@router.post("/tokens", **changes(_NEW_TOKEN, status=201))
def add_token(asking: Asking, body: NewToken) -> Response:
    """Make a token for programs. It takes no Idempotency-Key: nobody keeps its secret."""
    user = asking.check_person()
    if body.project is not None:
        asking.check(body.project, Role.VIEWER)
    ends = None if asking.caller.token is None else asking.caller.token.expires
    if ends is not None and (body.expires is None or body.expires > ends):
        raise NotAllowed(f"a token makes none that outlives it: this one ends at {ends}")
    secret, token = asking.repository.add_token(
        user, body.name, role=body.role, project=body.project, expires=body.expires
    )
    found = answer(asking.request, {"secret": secret, "token": token}, status=201)
    found.headers["Cache-Control"] = "no-store"
    return found


@router.delete("/tokens/{id}", **changes(None))
def remove_token(asking: Asking, id: str) -> Response:
    """Revoke one of your tokens."""
    asking.repository.remove_token(asking.check_person(), id)
    return nothing()


@router.get("/users", **gives(array_of(User)))
def list_users(asking: Asking) -> Response:
    """List the users. Takes an owner of the server."""
    asking.check_server_owner()
    return answer(asking.request, list(asking.repository.list_users()))


@router.post("/users", **changes(ref(User), status=201))
def add_user(asking: Asking, body: NewUser) -> Response:
    """Make a user. Takes an owner of the server; no Idempotency-Key, since a password is in it."""
    asking.check_server_owner()
    made = asking.repository.add_user(body.name, body.password, owner=body.owner)
    return answer(asking.request, made, status=201)


@router.get("/users/{name}", **gives_one(User))
def get_user(asking: Asking, name: str) -> Response:
    """Return a user: yourself, or anybody to an owner of the server."""
    if asking.caller.user is None or asking.user.name != name:
        asking.check_server_owner()
    return answer_one(asking.request, asking.repository.get_user(name))


@router.patch("/users/{name}", **changes(ref(User)))
def set_user(asking: Asking, name: str, body: UserChange) -> Response:
    """Change what is given of a user. Takes an owner of the server; a password, oneself, too."""
    only_password = body.owner is None and body.disabled is None
    if asking.caller.user is None or asking.user.name != name or not only_password:
        asking.check_server_owner()
    else:
        asking.check_person()
        if asking.caller.token is not None and asking.caller.token.expires is not None:
            raise NotAllowed("a token that expires changes no password: sign in")
    changed = asking.repository.set_user(
        name, password=body.password, owner=body.owner, disabled=body.disabled
    )
    return answer(asking.request, changed)


@router.get("/projects/{project}/members", **gives(array_of(Member)))
def list_members(asking: Asking, project: str) -> Response:
    """List the members of a project with their roles."""
    repository = asking.in_project(project, Role.VIEWER)
    return answer(asking.request, list(repository.list_members(project)))


@router.put("/projects/{project}/members/{name}", **changes(None))
def set_member(asking: Asking, project: str, name: str, body: MemberRole) -> Response:
    """Give a user a role in a project. Takes an owner of the project."""
    repository = asking.in_project(project, Role.OWNER)
    repository.set_member(project, repository.get_user(name), body.role)
    return nothing()


@router.delete("/projects/{project}/members/{name}", **changes(None))
def remove_member(asking: Asking, project: str, name: str) -> Response:
    """Take a user out of a project. Takes an owner of the project."""
    repository = asking.in_project(project, Role.OWNER)
    repository.set_member(project, repository.get_user(name), None)
    return nothing()


@router.get("/audit", **lists(AuditRow))
def list_audit(
    asking: Asking,
    project: Annotated[str | None, Query(max_length=128)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List who did what, newest first: in a project, to its owners; in all, to the server's."""
    if project is None:
        asking.check_server_owner()
    else:
        asking.check(project, Role.OWNER)
    after = read_cursor(cursor, int)
    found = asking.repository.list_audit(
        limit=limit + 1, below=None if after is None else after[0], project=project
    )
    return answer(asking.request, page(found, limit, lambda one: make_cursor(one.key)))
