"""The change feed, live."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from omprov.repository import Happened
from omprov.server._access import Asking, access_of
from omprov.server._schemas._records import ref

from ._declaring import gives, make_router

router = make_router("events")
_DECLARED = gives(ref(Happened))
_DECLARED["responses"][200] = {
    "description": "A stream that does not end: the id of an event is its position, its name the "
    "kind of the change, its data a `Happened` as JSON.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get("/events", **_DECLARED)
async def follow_events(
    request: Request,
    asking: Asking,
    after: Annotated[
        int | None,
        Query(ge=0, lt=2**63, description="Only later ones; from now on, where left out."),
    ] = None,
    last: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^\d{1,18}$")] = None,
) -> StreamingResponse:
    """Follow the changes of the projects that you see (server-sent events).

    A browser that comes again says with `Last-Event-ID` where it was.
    """
    follower = request.app.state.follower
    follower.check_room()
    position = await run_in_threadpool(lambda: asking.repository.position())  # noqa: PLW0108 signed in there
    begin = int(last) if last is not None else position if after is None else after
    return StreamingResponse(
        follower.stream(lambda: access_of(request), begin),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
