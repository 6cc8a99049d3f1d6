"""Whether the server lives, whether it can serve, and what it counted."""

from __future__ import annotations

import sys

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from omprov.errors import OmprovError, Unavailable
from omprov.server import _metrics
from omprov.server._access import Asking

from ._declaring import gives, make_router

router = make_router("health", prefix="")
_OK = gives(
    {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
    }
)
_COUNTS = gives({"type": "string"})
_COUNTS["responses"][200] = {
    "description": "In the text format of Prometheus.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


@router.get("/healthz", **_OK)
async def is_alive() -> Response:
    """Say that the process is alive; it looks at nothing else."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", **_OK)
async def is_ready(request: Request) -> Response:
    """Say that the catalog answers; 503 where it does not."""
    try:
        await run_in_threadpool(request.app.state.reception.repository.position)
    except OmprovError as error:  # strangers ask, and it says where the catalog is
        sys.stderr.write(f"not ready: {error}\n")
        raise Unavailable("the catalog does not answer: the server's log says why") from error
    return JSONResponse({"status": "ok"})


@router.get("/metrics", **_COUNTS)
def get_metrics(asking: Asking) -> Response:
    """Give what was counted, for Prometheus; of all workers. Where people sign in, so does it."""
    _ = asking.caller
    return Response(_metrics.exposition(), media_type=_metrics.MEDIA_TYPE)
