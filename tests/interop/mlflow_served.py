"""A server of MLflow's protocol over a real repository, on loopback, for the tests."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette

from omprov.errors import NotFound
from omprov.interop.mlflow import make_routes
from omprov.repository import Repository


def open_new(folder, name="ann"):
    return Repository.create(folder, who=name, clock=lambda: datetime.now(UTC))


@contextmanager
def serving(repository, repository_of=None):
    """Serve a repository; give the address."""

    def plain(request, project, *, writes):
        if project is not None and project not in {one.name for one in repository.list_projects()}:
            raise NotFound("project", project)
        return repository.view(who="ann", project=project)

    app = Starlette(routes=make_routes(repository_of or plain))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    started = threading.Event()

    class Told(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.set()

    server = Told(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
