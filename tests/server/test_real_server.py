"""Real servers: processes of `omprov ui` on the loopback interface."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing

import pytest
import uvicorn

from omprov.errors import Conflict, InvalidInput
from omprov.records import VersionId
from omprov.repository import Repository
from omprov.server import Settings, _protocol, create_app
from omprov.server._serving import bind

API = "/api/v1"
COMMAND = (sys.executable, "-c", "from omprov.cli import main; main()", "ui")


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body=None, **headers):
        data = None if body is None else json.dumps(body)
        kind = {"Content-Type": "application/json"} if data else {}
        self.connection.request(method, path, data, {**kind, **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


@pytest.fixture
def folder(tmp_path, clock):
    home = tmp_path / "home"
    home.mkdir()
    Repository.create(home, who="ada", clock=clock).close()
    return home


@pytest.fixture
def dial():
    """Connect to servers; the connections end with the test."""
    made = []

    def begin(port):
        made.append(Client(port))
        return made[-1]

    yield begin
    for client in made:
        client.connection.close()


def read_events(connection, wanted):
    """Read a stream until so many events came."""
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    while len(events) < wanted:
        line = answer.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            events.append(json.loads(line[6:]))
    return answer, events


def test_a_server_says_its_address_answers_and_ends(launch, dial, folder):
    server = launch(folder)
    ask = dial(server.port)
    assert ask("GET", "/healthz") == (200, {"status": "ok"})
    status, project = ask("POST", f"{API}/projects", {"name": "vision"})
    assert (status, project["name"]) == (201, "vision")
    taken = subprocess.run(
        [*COMMAND, "--port", str(server.port), "--no-open"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert taken.returncode == Conflict.exit_code
    assert taken.stderr.splitlines() == [
        f"omprov: port {server.port} of 127.0.0.1 is taken: take another one with --port, or 0"
    ]
    assert server.end() in (0, -signal.SIGTERM)


def test_connections_send_answers_at_once():
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert client.getpeername() == listener.getsockname()
        with pytest.raises(Conflict, match="is taken"):
            bind("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(InvalidInput, match="no address of this machine"):
        bind("203.0.113.7", 0)


def test_events_come_as_things_happen_and_end_with_the_server(launch, dial, folder):
    server = launch(folder)
    ask = dial(server.port)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as stream:
        stream.request("GET", f"{API}/events?after=0")
        answer, (first,) = read_events(stream, 1)
        assert (first["kind"], first["project"]) == ("project", "default")
        ask("POST", f"{API}/projects/default/runs", {"name": "fit"})
        kinds = []
        while "run" not in kinds:
            line = answer.readline()
            assert line
            if line.startswith(b"data: "):
                kinds.append(json.loads(line[6:])["kind"])
        assert server.end() in (0, -signal.SIGTERM)
        answer.read()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_a_client_that_comes_again_misses_nothing(launch, dial, folder):
    server = launch(folder)
    ask = dial(server.port)
    for number in range(4):
        ask("POST", f"{API}/projects", {"name": f"p{number}"})
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as stream:
        stream.request("GET", f"{API}/events", headers={"Last-Event-ID": "3"})
        _, events = read_events(stream, 2)
    assert [(one["position"], one["project"]) for one in events] == [(4, "p2"), (5, "p3")]


@pytest.mark.slow
def test_two_workers_agree(launch, dial, folder):
    server = launch(folder, "--workers", "2")
    clients = [dial(server.port) for _ in range(6)]
    seen = set()
    for number in range(12):
        one = clients[number % 6]
        status, run = one(
            "POST", f"{API}/projects/default/runs", {"outputs": {"m": {"asset": "model/net"}}}
        )
        assert status == 201
        seen.add(run["outputs"]["m"]["number"])
        for other in clients:
            assert other("GET", f"{API}/runs/{run['id']}") == (200, run)
            status, newest = other("GET", f"{API}/projects/default/version?reference=model/net")
            assert newest["id"] == run["outputs"]["m"]["id"]
            status, _ = other("GET", f"{API}/versions/{newest['id']}/inherits")
            assert status == 200
    assert seen == set(range(1, 13))
    key = {"Idempotency-Key": "k"}
    answers = [one("POST", f"{API}/projects", {"name": "once"}, **key) for one in clients]
    assert answers == [answers[0]] * 6
    with urllib.request.urlopen(f"{server.address}/metrics") as answer:
        counts = answer.read().decode()
    made = 'omprov_requests_total{method="POST",route="/api/v1/projects",status="201"} 6.0'
    assert made in counts, counts
    assert server.end() in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_a_kill_under_load_loses_nothing_that_was_acknowledged(launch, dial, folder, clock):
    acknowledged: list[str] = []
    for _ in range(3):
        server = launch(folder)
        enough = threading.Event()

        def load(port=server.port, enough=enough):
            ask = dial(port)
            try:
                while True:
                    body = {
                        "params": {"n": len(acknowledged)},
                        "outputs": {"m": {"asset": "model/net"}},
                    }
                    status, run = ask("POST", f"{API}/projects/default/runs", body)
                    assert status == 201
                    acknowledged.append(run["outputs"]["m"]["id"])
                    if len(acknowledged) % 20 == 0:
                        enough.set()
            except (OSError, http.client.HTTPException):
                return

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        os.kill(server.process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        server.end()
    assert len(acknowledged) >= 60
    with Repository.open(folder, who="ada", clock=clock) as repository:
        for one in acknowledged:
            repository.get_version_by_id(VersionId(one))
        assert list(repository.check()) == []


@pytest.fixture
def serve_here(folder, clock):
    """Serve in this process, over real connections, with other settings maybe."""
    running = []

    def begin(**changes):
        application = create_app(Settings(folder, who="ada", clock=clock, **changes))
        listener = bind("127.0.0.1", 0)
        config = uvicorn.Config(
            application, lifespan="on", log_level="critical", ws="none", http=_protocol.Protocol
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        running.append((server, thread))
        return listener.getsockname()

    yield begin
    for server, thread in running:
        server.should_exit = True
        thread.join()


def test_a_body_that_pauses_is_given_up(serve_here):
    with socket.create_connection(serve_here(idle_limit=0.1)) as connection:
        connection.sendall(
            b"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


def test_a_head_that_pauses_is_given_up(serve_here, dial, monkeypatch):
    address = serve_here()
    ask = dial(address[1])
    assert ask("GET", "/healthz") == ask("GET", "/readyz") == (200, {"status": "ok"})
    monkeypatch.setattr(_protocol, "HEAD_LIMIT", 0.1)
    with socket.create_connection(address) as silent:
        assert silent.recv(100) == b""
    with socket.create_connection(address) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        assert slow.recv(100) == b""
    assert ask("GET", "/healthz") == (200, {"status": "ok"})  # it began before, and waits in peace
