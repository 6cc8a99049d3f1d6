"""Requests that count once: the same ``Idempotency-Key`` gives the first answer again.

The key is written in the transaction of the change itself, so that neither a restart nor another
worker makes the change twice. The answer is kept right after it; where the server was killed in
between, a repetition is told that the change was made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from blake3 import blake3
from fastapi import Header

from omprov.errors import AlreadyExists, Conflict
from omprov.records import Digest

from ._answers import answer_bytes
from ._encoding import to_json
from ._problems import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from starlette.responses import Response

    from omprov.catalog import KeptRequest
    from omprov.repository import Repository

    from ._access import Access

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key and body within 24 h give the first answer again; the same key "
        "with another body is refused (422).",
    ),
]

_PATIENCE = 2.0
"""Seconds to wait for the answer of the same request, which another worker has at hand."""
_PAUSE = 0.05


def create(
    access: Access,
    repository: Repository,
    key: str | None,
    body: BaseModel,
    make: Callable[[Repository], Any],
    *,
    status: int = 201,
) -> Response:
    """Make something, once, and answer with it.

    Args:
        access: of the request.
        repository: as whoever asks works with it, checked.
        key: what they call the request; ``None`` where it counts however often it comes.
        body: what it says.
        make: makes it.
        status: of the answer.

    Raises:
        Refused: the key was used with another body.
        Conflict: it was carried out, and its answer is lost.
    """
    if key is None:
        return answer_bytes(access.request, to_json(make(repository)), status=status)
    scope = f"{access.who} {access.request.method} {access.request.url.path}"
    digest = Digest(blake3(body.model_dump_json(exclude_unset=True).encode()).hexdigest())
    kept = repository.find_request(scope, key)
    if kept is None:
        try:
            made = to_json(make(repository.once(scope, key, digest)))
        except AlreadyExists as error:
            kept = repository.find_request(scope, key)
            if error.what != "request with the key" or kept is None:
                raise
        else:
            repository.keep_answer(scope, key, digest, status=status, answer=made)
            return answer_bytes(access.request, made, status=status)
    return _again(access, repository, (scope, key), digest, kept)


def _again(
    access: Access,
    repository: Repository,
    named: tuple[str, str],
    digest: Digest,
    kept: KeptRequest,
) -> Response:
    if kept.body != digest:
        raise Refused(422, "this Idempotency-Key came with another body before: take a new one")
    deadline = time.monotonic() + _PATIENCE
    found: KeptRequest | None = kept
    while found is not None and found.answer is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        found = repository.find_request(*named)
    if found is None or found.answer is None or found.status is None:
        raise Conflict(
            "this request was carried out before, and its answer is lost: look for what it made"
        )
    headers = {"Idempotency-Replayed": "true"}
    return answer_bytes(access.request, found.answer, status=found.status, headers=headers)
