"""The application: routers, foreign protocols, and what every request passes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from omprov.errors import OmprovError
from omprov.interop import mlflow, openlineage

from ._access import Reception, repository_of
from ._document import document
from ._events import Follower
from ._gate import Gate
from ._opening import needs_sign_in, open_repository
from ._problems import describe_invalid, failure, problem, problem_of
from ._protocol import at_stop
from ._routers import (
    _assets,
    _commits,
    _content,
    _copies,
    _edges,
    _events,
    _health,
    _people,
    _projects,
    _runs,
    _versions,
)
from ._routers._declaring import API
from ._telling import Teller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from ._settings import Settings

_MODULES = (
    _health,
    _projects,
    _assets,
    _versions,
    _edges,
    _runs,
    _commits,
    _content,
    _people,
    _events,
    _copies,
)
THREADS = 16
"""Requests that one worker serves at a time; the others wait in line."""

_FOREIGN = (mlflow, openlineage)


def create_app(settings: Settings) -> Any:
    """Make the application of one worker; it opens the repository, and closes it at its end.

    Args:
        settings: what to serve, and to whom.

    Returns:
        An ASGI application; its ``api`` is the FastAPI one.

    Raises:
        NotFound: there is no such repository.
        NotAllowed: others could reach it, and nobody could sign in.
    """
    repository = open_repository(settings)
    try:
        sign_in = needs_sign_in(settings, repository)
        api = _make_api(Reception(repository, settings, sign_in))
    except BaseException:
        repository.close()
        raise
    return Gate(api, settings, sign_in=sign_in)


def _make_api(reception: Reception) -> FastAPI:
    app = FastAPI(
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.reception = reception
    app.state.follower = Follower(reception.repository)
    for module in _MODULES:  # as they are: to include a router would build its routes anew
        app.router.routes.extend(module.router.routes)
    for foreign in _FOREIGN:
        app.router.routes.extend(foreign.make_routes(repository_of))
    app.add_exception_handler(OmprovError, _tell)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(HTTPException, _tell_status)
    app.add_exception_handler(Exception, _tell_failure)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    at_stop(app.state.follower.stop)
    reception: Reception = app.state.reception
    tell = reception.settings.tell
    teller = None if tell is None else Teller(reception.repository, tell)
    if teller is not None:
        teller.start()
    try:
        yield
    finally:
        if teller is not None:
            await anyio.to_thread.run_sync(teller.stop)
        await app.state.follower.close()
        reception.repository.close()


async def _tell(request: Request, error: Exception) -> Response:
    assert isinstance(error, OmprovError)
    if error.http_status >= 500:
        sys.stderr.write(f"{request.url.path}: {type(error).__name__}: {error}\n")
    return problem_of(error)


async def _tell_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    del request
    return problem(422, describe_invalid(error.errors()), error="InvalidInput")


async def _tell_failure(request: Request, error: Exception) -> Response:
    del error  # the gate logs it
    return failure(request.scope["omprov.request"])


async def _tell_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            detail, kind = f"there is nothing at {request.url.path[:200]!r}", "NotFound"
        case 405:
            detail, kind = (
                f"{request.url.path[:200]!r} does not take {request.method}",
                "InvalidInput",
            )
        case _:
            detail, kind = str(error.detail), "InvalidInput"
    return problem(error.status_code, detail, error=kind, headers=error.headers)
