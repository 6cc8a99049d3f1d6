"""One server: requests that are sent again where that is safe, and answers that are understood.

Every request that changes something carries a key of its own, so that the server does it once
however often it arrives.
"""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from omprov.errors import Damaged, InvalidInput, Unavailable

from ._errors import error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

API = "/api/v1"
_TRIES = 6
"""Of one request, where nothing says that another cannot help."""
_REFUSED_TRIES = 2
"""Where nobody listens."""
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_AGAIN = {429, 502, 503, 504}
_TIMEOUT = urllib3.Timeout(connect=5.0, read=300.0)
_PAGE = 500
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: of HTTP.
        headers: by name, in lower case.
        body: its bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body says.

        Raises:
            Damaged: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Damaged("the server's answer cannot be read: it is no JSON") from error


class Connection:
    """A server. Safe to use from several threads, and by the children of a fork.

    Args:
        url: of the server, without the path of the API.
        token: proves who asks; none where the server wants none.
        person: name and password, instead of a token.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        person: tuple[str, str] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._headers = {"accept": "application/json", "accept-encoding": "gzip"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"
        if person is not None:
            shown = base64.b64encode(":".join(person).encode()).decode()
            self._headers["authorization"] = f"Basic {shown}"
        self._pool: tuple[int, urllib3.PoolManager] | None = None

    def close(self) -> None:
        """Close what is open; the next request opens it again."""
        if self._pool is not None and self._pool[0] == os.getpid():
            self._pool[1].clear()
        self._pool = None

    def get(self, path: str, /, **query: Any) -> Any:
        """Return what is at a path of the API."""
        return self.request("GET", path, query=query).json()

    def get_all(self, path: str, /, **query: Any) -> Iterator[Any]:
        """Give the items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **{"limit": _PAGE, **query, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next")
            if cursor is None:
                return

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Change something, once; return what the server says of it."""
        said = None if body is None else json.dumps(body).encode()
        answer = self.request(method, path, body=said, content_type="application/json")
        return answer.json() if answer.body else None

    def post_for_bytes(self, path: str, body: Any) -> bytes:
        """Ask for what is too much for a query; return the bytes that come."""
        asked = json.dumps(body).encode()
        return self.request("POST", path, body=asked, content_type="application/json").body

    def lines(self, path: str, /, **query: Any) -> Iterator[bytes]:
        """Give the lines of an answer as they come; asked for once.

        Raises:
            OmprovError: what the server raised.
            Unavailable: it cannot be reached, or stopped in the middle of a line.
        """
        url = self._address(path, query)
        try:
            response = self._open("GET", url, None, self._headers, preload_content=False)
            if response.status >= 400:
                answer = _answer(response)
                raise error_of(answer.status, _problem(answer), self.url)
            try:
                yield from _lines(response)
            finally:
                response.close()
        except HTTPError as error:
            raise self._unreachable(error) from error

    def pause(self, tried: int) -> None:
        """Wait before something is tried once more that was tried so often."""
        self._sleep(min(_FIRST_WAIT * 2**tried, _LONGEST_WAIT))

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request until it is answered.

        Args:
            method: of HTTP.
            path: below the path of the API.
            query: what is ``None`` is left out.
            body: of the request.
            content_type: of the body.
            headers: more of them.

        Raises:
            OmprovError: what the server raised.
            Unavailable: it cannot be reached.
        """
        url = self._address(path, query or {})
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["content-type"] = content_type
        if method != "GET":
            sent["idempotency-key"] = str(uuid.uuid4())
        answer, is_again = self._until_answered(method, url, body, sent)
        if method == "DELETE" and answer.status == 404 and is_again:
            return Answer(204, answer.headers, b"")  # the first time it was there, and went
        if answer.status >= 400:
            raise error_of(answer.status, _problem(answer), self.url)
        return answer

    def _address(self, path: str, query: Mapping[str, Any]) -> str:
        asked = {name: _text(one) for name, one in query.items() if one is not None}
        return self.url + API + path + ("?" + urlencode(asked) if asked else "")

    def _until_answered(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, bool]:
        """Return the answer, and whether an earlier one may have been lost on its way."""
        wait, is_again = _FIRST_WAIT, False
        for tried in range(1, _TRIES + 1):
            try:
                answer = self._once(method, url, body, headers)
            except NewConnectionError as error:
                if tried >= _REFUSED_TRIES:
                    raise self._unreachable(error) from error
            except HTTPError as error:
                if tried >= _TRIES:
                    raise self._unreachable(error) from error
                is_again = True
            else:
                if answer.status not in _AGAIN or tried >= _TRIES:
                    return answer, is_again
                wait = max(wait, _retry_after(answer))
            self._sleep(min(wait, _LONGEST_WAIT))
            wait *= 2
        raise AssertionError

    def _once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        return _answer(self._open(method, url, body, headers))

    def _open(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        preload_content: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._connections().request(
                method,
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=_TIMEOUT,
                preload_content=preload_content,
            )
        except urllib3.exceptions.LocationValueError as error:
            raise InvalidInput(f"{self.url!r} is no address of a server") from error

    def _connections(self) -> urllib3.PoolManager:
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), urllib3.PoolManager(num_pools=2, maxsize=8)
        return self._pool[1]

    def _unreachable(self, error: HTTPError) -> Unavailable:
        why = "nobody listens there" if isinstance(error, NewConnectionError) else _reason(error)
        return Unavailable(
            f"the server {self.url} cannot be reached ({why}): start it with `omprov ui`, or mend "
            "OMPROV_URL; what runs say is kept in their journals meanwhile"
        )


def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.data)


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for piece in response.stream(_PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        raise ProtocolError("the answer ends in the middle of a line")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problem(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _retry_after(answer: Answer) -> float:
    try:
        return float(answer.headers.get("retry-after", 0))
    except ValueError:  # a date
        return _FIRST_WAIT


def _reason(error: HTTPError) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
