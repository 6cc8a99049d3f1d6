"""A server that tells another one of its runs, while that is away and when it is back."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from omprov.server._telling import Teller


def test_whatever_is_recorded_is_told_by_the_thread(repo):
    told = threading.Semaphore(0)
    positions = []

    def tell(repository):
        positions.append(repository.position())
        told.release()
        return ""

    teller = Teller(repo, tell)
    teller.start()
    try:
        assert told.acquire(timeout=60)
        version = repo.add_version("dataset/more", {"a": b"1"}).version
        reached = repo.position()
        while positions[-1] < reached:
            assert told.acquire(timeout=60)
    finally:
        teller.stop()
    assert version.number == 1


def test_a_server_tells_a_receiver_of_its_runs(launch, repo, monkeypatch):
    seen, received = [], threading.Semaphore(0)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()
            received.release()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        monkeypatch.setenv("OMPROV_OPENLINEAGE_URL", f"http://127.0.0.1:{receiver.server_port}")
        launch(repo.path.parent)
        try:
            assert received.acquire(timeout=120)
        finally:
            receiver.shutdown()
    assert any(b'"eventType"' in event for event in seen)
