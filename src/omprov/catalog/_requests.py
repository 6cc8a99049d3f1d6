"""Requests that were told to count once: their keys, and what they were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from omprov.errors import AlreadyExists

from ._interface import KeptRequest
from ._tables import request_key
from ._transaction import ReadTransaction, WriteTransaction

if TYPE_CHECKING:
    from datetime import datetime

    from omprov.records import Digest

_WHERE = (request_key.c.scope == bindparam("of"), request_key.c.key == bindparam("named"))
_ONE = select(
    request_key.c.body, request_key.c.time, request_key.c.status, request_key.c.answer
).where(*_WHERE)
_ADD = insert(request_key)
_ANSWER = update(request_key).where(*_WHERE)
_FORGET = delete(request_key).where(request_key.c.time < bindparam("before"))


class RequestReads(ReadTransaction):
    """Reads of requests that count once."""

    def find_request(self, scope: str, key: str) -> KeptRequest | None:
        row = self._connection.execute(_ONE, {"of": scope, "named": key}).first()
        return None if row is None else KeptRequest(*row)


class RequestWrites(RequestReads, WriteTransaction):
    """Keeping requests that count once; neither the feed nor the audit tells of them."""

    def add_request(self, scope: str, key: str, body: Digest) -> None:
        if self.find_request(scope, key) is not None:
            raise AlreadyExists("request with the key", key)
        self._connection.execute(
            _ADD, {"scope": scope, "key": key, "body": body, "time": self._now}
        )

    def set_answer(self, scope: str, key: str, status: int, answer: bytes) -> None:
        self._connection.execute(
            _ANSWER, {"of": scope, "named": key, "status": status, "answer": answer}
        )

    def forget_requests(self, before: datetime) -> None:
        self._connection.execute(_FORGET, {"before": before})
