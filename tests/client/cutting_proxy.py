"""A TCP proxy that passes a request on and cuts the connection instead of passing the answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class CuttingProxy:
    """Cuts the answers to those requests that `cuts` says so of; each is told by its first line.

    Where it gives a number, so many bytes pass first.
    """

    def __init__(self, url, cuts) -> None:
        self._upstream = urlsplit(url).hostname, urlsplit(url).port
        self._cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client) -> None:
        with client, suppress(OSError):
            request = read_message(client)
            while request:
                with socket.create_connection(self._upstream) as server:
                    server.sendall(_closing(request))
                    answer = b"".join(iter(lambda s=server: s.recv(1 << 20), b""))
                line = request.split(b"\r\n", 1)[0].decode()
                passed = self._cuts(line)
                if passed:
                    self.cut.append(line)
                    client.sendall(answer[: 0 if passed is True else passed])
                    return
                client.sendall(_closing(answer))
                return


def _closing(message):
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [one for one in head.split(b"\r\n") if not one.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def read_message(source):
    """Read one request, whose length its head says."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = source.recv(1 << 16)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < (lengths or [0])[0]:
        body += source.recv(1 << 20)
    return head + b"\r\n\r\n" + body
