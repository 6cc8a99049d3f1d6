"""A server on the loopback interface that speaks OpenLineage, and a repository behind it."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

import pytest

from omprov.errors import NotAllowed, NotFound, NotSignedIn
from omprov.repository import Repository

TOKEN = "omp_of-the-tests"
READER = "omp_reader"


def open_new(folder):
    """Make a repository that nobody else knows."""
    folder.mkdir(parents=True, exist_ok=True)
    return Repository.create(folder, who="tests", clock=lambda: datetime.now(UTC))


@pytest.fixture
def lineage_repository(tmp_path):
    """An empty repository."""
    with open_new(tmp_path / "lineage") as repository:
        yield repository


def serve(repository):
    """Serve a repository; give the address and what stops it."""
    uvicorn = pytest.importorskip("uvicorn")
    applications = pytest.importorskip("starlette.applications")
    from omprov.interop.openlineage import make_routes

    def repository_of(request, project, *, writes):
        said = request.headers.get("authorization", "")
        if said not in {f"Bearer {TOKEN}", f"Bearer {READER}"}:
            raise NotSignedIn("a token is needed")
        if writes and said == f"Bearer {READER}":
            raise NotAllowed("this token reads only")
        name = project or repository.project
        if name not in {one.name for one in repository.list_projects()}:
            raise NotFound("project", name)
        return repository.view(who="ana", project=name)

    app = applications.Starlette(routes=make_routes(repository_of))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def stop():
        server.should_exit = True
        thread.join()
        listener.close()

    return f"http://127.0.0.1:{listener.getsockname()[1]}", stop


@pytest.fixture
def lineage_server(lineage_repository):
    """The address of a server in front of the repository."""
    url, stop = serve(lineage_repository)
    yield url
    stop()
