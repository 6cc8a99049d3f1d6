"""Column types: how the values of records stand in SQL, alike in every database."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Double, Integer, LargeBinary, String, Text, TypeDecorator

from omprov.errors import InvalidInput
from omprov.records import Digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_to_json = json.JSONEncoder(separators=(",", ":")).encode  # `dumps` would make one each time

KeyInteger = BigInteger().with_variant(Integer, "sqlite")
"""An internal key; SQLite makes only ``INTEGER`` primary keys out of its row ids."""


def short_text(length: int) -> String:
    """Return the type of names and words of at most so many characters, in byte order everywhere.

    PostgreSQL would order text by the rules of some language, and differently with each release of
    the system's library.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


IdText = short_text(36)
"""A UUIDv7 as it is printed; prefixes are ranges."""

LongText = Text().with_variant(Text(collation="C"), "postgresql")
ExitStatus = Integer().with_variant(BigInteger, "postgresql")


def to_microseconds(time: datetime) -> int:
    """Return the microseconds since 1970 UTC, exactly.

    Raises:
        InvalidInput: `time` has no time zone.
    """
    if time.tzinfo is None:
        raise InvalidInput(f"the time {time.isoformat()} has no time zone")
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the time, in UTC, that `to_microseconds` took."""
    return _EPOCH + timedelta(microseconds=number)


class Time(TypeDecorator[datetime]):
    """A time as integer microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> int | None:  # noqa: ARG002 the hook's signature
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: object) -> datetime | None:  # noqa: ARG002 the hook's signature
        return None if value is None else from_microseconds(value)


class DigestBytes(TypeDecorator[Digest]):
    """A digest as its 32 bytes."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: Digest | None, dialect: object) -> bytes | None:  # noqa: ARG002 the hook's signature
        if value is None:
            return None
        if len(value) != 64:
            raise InvalidInput(f"{value!r} is not a digest: it takes 64 hex digits")
        return bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: object) -> Digest | None:  # noqa: ARG002 the hook's signature
        return None if value is None else Digest(bytes(value).hex())


class Json(TypeDecorator[Any]):
    """JSON data as ASCII text.

    Text, not the database's own JSON type: NaN, NUL and names that are no UTF-8 come back as they
    went in.
    """

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: object) -> str:  # noqa: ARG002 the hook's signature
        return _to_json(value)

    def process_result_value(self, value: str | None, dialect: object) -> Any:  # noqa: ARG002 the hook's signature
        return None if value is None else json.loads(value)


class PlainText(TypeDecorator[str]):
    """Text that every database can hold: no NUL."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:  # noqa: ARG002 the hook's signature
        if value is not None and "\0" in value:
            raise InvalidInput(f"text with a NUL character cannot be stored: {value[:80]!r}")
        return value


class Measurement(TypeDecorator[float]):
    """A float; NaN is stored as NULL, since SQLite knows no other way."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: object) -> float | None:  # noqa: ARG002 the hook's signature
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: object) -> float:  # noqa: ARG002 the hook's signature
        return math.nan if value is None else value
