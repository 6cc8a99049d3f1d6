"""The routes of OpenLineage: events in, and reads as Marquez answers them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes

from omprov.errors import InvalidInput, NotSignedIn, OmprovError, Unavailable

from ._bodies import read_json
from ._events import parse_event
from ._merging import take_event
from ._reads import answer

try:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ImportError as error:
    from omprov.errors import MissingExtra

    raise MissingExtra("server", "serving OpenLineage") from error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from omprov.repository import Repository

BASES = ("/openlineage/api/v1", "/openlineage/{project}/api/v1")
_MANY = 1_000
"""Events of one batch."""


class RepositoryOf(Protocol):
    """Gives the repository that a request may work on, as whoever sent it."""

    def __call__(self, request: Request, project: str | None, *, writes: bool) -> Repository:
        """Check who asks; called in a thread.

        Raises:
            NotSignedIn: nobody known asks.
            NotAllowed: they may not do this.
            NotFound: there is no such project that they may see.
        """
        ...


def make_routes(repository_of: RepositoryOf) -> list[BaseRoute]:
    """Return the routes, for the default project and for each by its name.

    ``POST …/lineage`` takes one event and answers 201, ``POST …/lineage/batch`` a list of them;
    what was sent twice is recorded once. ``GET`` answers as Marquez does.

    Args:
        repository_of: checks a request, and gives what it works on.
    """
    routes: list[BaseRoute] = []
    for base in BASES:
        routes += [
            Route(f"{base}/lineage", _handler(repository_of, _post), methods=["POST"]),
            Route(f"{base}/lineage/batch", _handler(repository_of, _post_many), methods=["POST"]),
            Route(f"{base}/{{rest:path}}", _handler(repository_of, _get), methods=["GET"]),
        ]
    return routes


def _handler(
    repository_of: RepositoryOf,
    work: Callable[[Request, Callable[[], Repository]], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        project = request.path_params.get("project")
        writes = request.method == "POST"
        try:
            repository = await run_in_threadpool(
                repository_of, request, project, writes=writes
            )  # who may not ask is told before the body is read
            return await work(request, lambda: repository)
        except OmprovError as error:
            return problem(error)

    return handle


async def _post(request: Request, repository: Callable[[], Repository]) -> Response:
    event = parse_event(await read_json(request))
    await run_in_threadpool(take_event, repository(), event)
    return Response(status_code=201)


async def _post_many(request: Request, repository: Callable[[], Repository]) -> Response:
    data = await read_json(request)
    if not isinstance(data, list):
        raise InvalidInput("a batch is a JSON array of events")
    if len(data) > _MANY:
        raise InvalidInput(f"a batch has {_MANY} events at most, not {len(data)}")
    failed = await run_in_threadpool(_take_many, repository(), data)
    retriable = sum(one["retriable"] for one in failed)
    counts = {
        "received": len(data),
        "successful": len(data) - len(failed),
        "failed": len(failed),
        "retriable": retriable,
        "non_retriable": len(failed) - retriable,
    }
    status = (
        "success" if not failed else "failure" if len(failed) == len(data) else "partial_success"
    )
    body = {"status": status, "summary": counts, "failed_events": failed}
    return JSONResponse(body, 503 if retriable else 400 if status == "failure" else 200)


def _take_many(repository: Repository, data: list[Any]) -> list[dict[str, Any]]:
    """Record events by their time, wherever they stand; return what went wrong."""
    failed = []
    events = []
    for at, one in enumerate(data):
        try:
            events.append((parse_event(one), at))
        except InvalidInput as error:
            failed.append({"index": at, "reason": str(error), "retriable": False})
    for event, at in sorted(events, key=lambda pair: (pair[0].turn, pair[1])):
        try:
            take_event(repository, event)
        except OmprovError as error:
            is_retriable = isinstance(error, Unavailable)
            failed.append({"index": at, "reason": str(error), "retriable": is_retriable})
    return sorted(failed, key=lambda one: one["index"])


async def _get(request: Request, repository: Callable[[], Repository]) -> Response:
    found = await run_in_threadpool(
        answer, repository(), _parts(request), dict(request.query_params)
    )
    return Response(json.dumps(found), media_type="application/json")


def _parts(request: Request) -> list[str]:
    """Return the parts of the path after ``/api/v1/``; names in it may hold slashes, as ``%2F``."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    _, _, rest = raw.partition(b"?")[0].partition(b"/api/v1/")
    if request.path_params.get("project") == "api":
        _, _, rest = rest.rpartition(b"/api/v1/")
    return [unquote_to_bytes(part).decode("utf-8", "replace") for part in rest.split(b"/")]


def problem(error: OmprovError) -> Response:
    """Answer with an error as problem details (RFC 9457)."""
    name = type(error).__name__
    body = {
        "type": "about:blank",
        "title": name,
        "status": error.http_status,
        "detail": str(error),
        "error": name,
    }
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedIn) else None
    return JSONResponse(
        body, error.http_status, headers=headers, media_type="application/problem+json"
    )
