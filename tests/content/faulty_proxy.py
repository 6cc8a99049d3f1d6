"""A real HTTP proxy between a client and a server that fails as a seeded plan says."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

FAULTS = ("503", "cut request", "cut answer", "flip answer", "flip request", "slow")


class FaultyProxy:
    """Passes requests on; `faults` of them fail, in ways that the seed chooses."""

    def __init__(self, endpoint: str, *, seed: int, faults: int, kinds=FAULTS, often=0.4) -> None:
        self._upstream = (urlsplit(endpoint).hostname, urlsplit(endpoint).port)
        self._random = random.Random(seed)
        self._left = faults
        self._kinds = kinds
        self._often = often
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self.done: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(30)
            head, body = _read_message(client)
            if not head:
                return
            fault, where = self._choose(head, body)
            if fault == "503":
                client.sendall(
                    b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            if fault == "cut request":
                return
            if fault == "flip request":
                body = _flipped(body, where)
            if fault == "slow":
                self._pause.wait(0.05)
            answer_head, answer = self._ask(head, body)
            if fault == "cut answer":
                client.sendall(answer_head + answer[: int(len(answer) * where)])
                return
            if fault == "flip answer":
                answer = _flipped(answer, where)
            client.sendall(answer_head + answer)

    def _choose(self, head: bytes, body: bytes) -> tuple[str, float]:
        with self._lock:
            where = self._random.random()
            if not self._left or self._random.random() > self._often:
                return "", where
            fault = self._random.choice(self._kinds)
            line = head.split(b"\r\n", 1)[0]
            if fault == "flip answer" and not (line.startswith(b"GET") and b".pack" in line):
                return "", where  # of other answers transport security takes care
            if fault == "flip request" and not (body and b".pack" in line):
                return "", where
            self._left -= 1
            self.done.append(fault)
            return fault, where

    def _ask(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        with socket.create_connection(self._upstream) as server:
            server.settimeout(30)
            server.sendall(_closing(head) + body)
            answer_head, answer = _read_message(server, head.startswith(b"HEAD"))
            return _closing(answer_head), answer


def _read_message(source: socket.socket, no_body: bool = False) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = source.recv(65536)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
        assert name.strip().lower() != b"transfer-encoding", head
    parts, got = [body], len(body)
    while got < length and not no_body:
        more = source.recv(1 << 20)
        if not more:
            break
        parts.append(more)
        got += len(more)
    return head + b"\r\n\r\n", b"".join(parts)


def _closing(head: bytes) -> bytes:
    lines = head[:-4].split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n"


def _flipped(data: bytes, where: float) -> bytes:
    if not data:
        return data
    place = int(len(data) * where)
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
