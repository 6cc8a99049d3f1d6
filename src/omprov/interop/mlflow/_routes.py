"""The protocol over HTTP: requests become calls, what they give becomes JSON."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from omprov.errors import OmprovError

from ._artifacts import open_artifact, remove_artifact, store_artifact
from ._call import Call
from ._dispatch import VERSION, find_endpoint
from ._errors import NO_ENDPOINT, Refused, invalid, refusal_of
from ._experiments import ensure_default, experiment_number, get_experiment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Protocol

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from omprov.repository import Repository

    class RepositoryOf(Protocol):
        """Gives the repository as whoever asks may see it, in the project that they ask about."""

        def __call__(self, request: Request, project: str | None, *, writes: bool) -> Repository:
            """Raise `NotSignedIn`, `NotAllowed` or `NotFound` where they may not."""
            ...

    Answering = Callable[[Request], Awaitable[Response]]

ROOTS = ("", "/mlflow/{project}")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LARGEST_BODY = 16_000_000
_LARGEST_BATCH = 1_000_000
_IN_MEMORY = 4_000_000
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Accept-Ranges": "bytes",
}
_EXPERIMENT_HEADER = "x-mlflow-experiment-id"


def make_routes(repository_of: RepositoryOf) -> list[BaseRoute]:
    """Return the routes of MLflow's protocol, at the root and under ``/mlflow/{project}``.

    Args:
        repository_of: called in a thread for each request, with the project of its path, or
            ``None`` at the root; whether somebody may write is its matter.
    """
    serving = _Serving(repository_of)
    routes: list[BaseRoute] = []
    for root in ROOTS:
        for api in ("api", "ajax-api"):
            files = f"{root}/{api}/2.0/mlflow-artifacts/artifacts/{{path:path}}"
            routes += [
                Route(files, _answering(serving.put_artifact), methods=["PUT"]),
                Route(files, _answering(serving.get_artifact), methods=["GET", "HEAD"]),
                Route(files, _answering(serving.delete_artifact), methods=["DELETE"]),
            ]
            routes += [
                Route(f"{root}/{api}/{start}{{call:path}}", _answering(answer), methods=_METHODS)
                for answer in (serving.answer,)
                for start in ("2.0/", "2.11/", "3.0/")
            ]
        routes += [
            Route(f"{root}/v1/traces", _answering(serving.keep_spans), methods=["POST"]),
            Route(f"{root}/health", _healthy, methods=["GET"]),
            Route(f"{root}/version", _version, methods=["GET"]),
        ]
    return routes


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("OK")


async def _version(_: Request) -> Response:
    return PlainTextResponse(VERSION)


def _answering(answer: Answering) -> Answering:
    """Answer errors as MLflow's clients know them."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except Refused as refused:
            return _refusal(refused)
        except OmprovError as error:
            return _refusal(refusal_of(error))

    return answered


def _refusal(refused: Refused) -> Response:
    response = _json({"error_code": refused.code, "message": refused.message}, refused.status)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="omprov"'
    return response


def _json(content: Any, status: int = 200) -> Response:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "surrogatepass"), status, media_type="application/json")


class _Serving:
    """What the routes do, each request in the repository of whoever asks."""

    def __init__(self, repository_of: RepositoryOf) -> None:
        self._repository_of = repository_of

    def _repository(self, request: Request, *, writes: bool) -> Repository:
        return self._repository_of(request, request.path_params.get("project"), writes=writes)

    async def answer(self, request: Request) -> Response:
        """Answer a call, or say that an older server knows no such call."""
        path = request.url.path.partition("api/")[2]
        known = find_endpoint(request.method, path)
        if known is None:
            raise Refused(NO_ENDPOINT, f"No endpoint at {request.method} {request.url.path[:200]}")
        endpoint, parts = known
        batch = endpoint.path.endswith("/log-batch")
        body = await _body(request, _LARGEST_BATCH if batch else _LARGEST_BODY)

        def call() -> Any:
            repository = self._repository(request, writes=endpoint.writes)
            arguments = _arguments(request, body)  # in this thread, of those who may ask
            return endpoint.handler(Call(repository, {**arguments, **parts}))

        return _json(await run_in_threadpool(call))

    async def put_artifact(self, request: Request) -> Response:
        """Store a file; small ones are held in memory meanwhile, large ones on disk."""
        repository = await run_in_threadpool(self._repository, request, writes=True)
        path = request.path_params["path"]
        with _incoming() as incoming:
            async for piece in request.stream():
                await incoming.add(piece)
            await run_in_threadpool(lambda: store_artifact(repository, path, incoming.finish()))
        return _json({})

    async def get_artifact(self, request: Request) -> Response:
        """Give a file, or a part of it."""

        def opened() -> Any:
            repository = self._repository(request, writes=False)
            return open_artifact(
                repository, request.path_params["path"], request.headers.get("range")
            )

        try:
            part = await run_in_threadpool(opened)
        except IndexError as error:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{error}"})
        size = part.file.size
        headers = {**_HARMLESS, "ETag": f'"{part.file.digest}"'}
        headers["Content-Disposition"] = "attachment"
        headers["Content-Length"] = str(part.stop - part.start)
        if headers["ETag"] == request.headers.get("if-none-match"):
            part.source.close()
            return Response(status_code=304, headers={"ETag": headers["ETag"]})
        whole = part.stop - part.start == size
        if not whole:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        if request.method == "HEAD":
            part.source.close()
            return Response(status_code=200, headers=headers)
        return StreamingResponse(
            part.read(),
            200 if whole else 206,
            headers=headers,
            media_type="application/octet-stream",
        )

    async def delete_artifact(self, request: Request) -> Response:
        """Drop a file or folder."""

        def removed() -> None:
            repository = self._repository(request, writes=True)
            remove_artifact(repository, request.path_params["path"])

        await run_in_threadpool(removed)
        return _json({})

    async def keep_spans(self, request: Request) -> Response:
        """Keep what a sender of OpenTelemetry says as an artifact of its experiment."""
        body = await _body(request, _LARGEST_BODY)
        number = experiment_number(request.headers.get(_EXPERIMENT_HEADER, "0"))

        def kept() -> None:
            repository = self._repository(request, writes=True)
            call = Call(repository, {})
            ensure_default(call)
            with repository.reading_mlflow() as reader:
                get_experiment(reader, call, str(number))
            name = hashlib.sha256(body).hexdigest()
            store_artifact(repository, f"{number}/traces/otlp/{name}.pb", body)

        await run_in_threadpool(kept)
        return Response(b"", media_type="application/x-protobuf")


class _Incoming:
    """A body as it comes in."""

    def __init__(self, kept: ExitStack) -> None:
        self._kept = kept
        self._path: Path | None = None
        self._held = bytearray()

    async def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self._held += piece
        if len(self._held) > _IN_MEMORY:
            await run_in_threadpool(self._write)

    def _write(self) -> Path:
        if self._path is None:
            folder = TemporaryDirectory(prefix="omprov-artifact-")
            self._path = Path(self._kept.enter_context(folder)) / "incoming"
        with self._path.open("ab") as file:
            file.write(self._held)
        self._held.clear()
        return self._path

    def finish(self) -> bytes | Path:
        """Return all of it, or the file that it is in."""
        return bytes(self._held) if self._path is None else self._write()


@contextmanager
def _incoming() -> Iterator[_Incoming]:
    with ExitStack() as kept:
        yield _Incoming(kept)


def _arguments(request: Request, body: bytes) -> dict[str, Any]:
    """Return the arguments of a call: of the query, and of the body if there is one."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values if len(values) > 1 else values[0]
    if not body.strip():
        return found
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("BAD_REQUEST", f"The body is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise Refused("BAD_REQUEST", "The body is no JSON object.")
    return found | said


async def _body(request: Request, largest: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            raise invalid(
                f"The request is larger than {largest} bytes. Please split it and try again."
            )
    return bytes(body)
