"""Moves packs between a folder and a bucket: several at once, each verified on arrival.

Who backs up, pushes or pulls says which packs; nothing here knows what is in them. Memory: every
request holds at most `PART` bytes, and there are at most `PACKS_AT_ONCE` times `RANGES_AT_ONCE` of
them (of uploads, as many as obstore is told in `_bucket_cloud`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import md5
from typing import TYPE_CHECKING

from blake3 import blake3

from omprov.content._checkout._place import write_all
from omprov.content._durable import create_locked, disk_errors_told, fsync_folder
from omprov.content._pack_folder import pack_file
from omprov.content._progress import Done
from omprov.errors import Damaged, NotFound, Unavailable

from ._bucket_names import PART
from ._remote import in_parallel, pack_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._progress import Progress

    from ._buckets import Bucket

PACKS_AT_ONCE = 2
RANGES_AT_ONCE = 4
_TRIES = 3
"""For a pack that does not arrive as it was sent; each request is tried again by itself."""


def send_packs(
    bucket: Bucket, packs: Iterable[tuple[str, Path]], progress: Progress | None = None
) -> Iterator[str]:
    """Upload packs that the bucket does not have; give the name of each that is there, in order.

    A pack is read and compared with its name before it is sent. That it arrived is seen from its
    ETag, where that is the MD5 of what was sent (S3 and what speaks like it), else by reading it
    back. One that does not arrive whole is sent again, then refused. A pack that was half up when
    the process died is not there.

    Args:
        bucket: where to.
        packs: name and file of each.
        progress: told one item, and its bytes, for each pack.

    Raises:
        Damaged: a pack here is not what its name says, or one does not arrive whole.
        Unavailable: the bucket cannot be reached.
    """

    def send(pack: tuple[str, Path]) -> str:
        name, path = pack
        size = send_file(bucket, pack_name(name), path, name)
        if progress is not None:
            progress(Done(1, size))
        return name

    yield from in_parallel(send, packs, PACKS_AT_ONCE)


def fetch_packs(
    bucket: Bucket, names: Iterable[str], store: Path, progress: Progress | None = None
) -> Iterator[str]:
    """Download packs into a store; give the name of each that is in its place, in order.

    The BLAKE3 of what arrived is compared with the name before the pack gets that name. A pack that
    arrives damaged is fetched again, then refused. The caller tells the index.

    Args:
        bucket: where from.
        names: of the packs.
        store: the folder of a content store.
        progress: told the bytes as they come, and one item for each pack.

    Raises:
        Damaged: a pack is damaged in the bucket, or gone from it.
        Unavailable: the bucket cannot be reached.
        StorageFull: there is no room.
    """

    def fetch(name: str) -> str:
        with disk_errors_told():
            _fetch(bucket, name, store, progress)
        return name

    yield from in_parallel(fetch, names, PACKS_AT_ONCE)


def send_file(bucket: Bucket, blob: str, path: Path, digest: str) -> int:
    """Upload a file and see that it arrived whole, as `send_packs` does; return its bytes.

    Raises:
        Damaged: it is not what its BLAKE3 says, or does not arrive whole.
        Unavailable: the bucket cannot be reached.
    """
    size, found, etag = _read_through(path)
    if found != digest:
        raise Damaged(f"{path.name} is damaged here and was not sent; run `omprov fsck`")
    for _ in range(_TRIES):
        sent = bucket.write(blob, path)
        if sent.size == size and (sent.etag == etag or blob_digest(bucket, blob) == digest):
            return size
    with suppress(Unavailable):
        bucket.delete(blob)
    raise Damaged(
        f"{blob} does not arrive whole at {bucket.url}: something on the way alters bytes"
    )


def _read_through(path: Path) -> tuple[int, str, str]:
    """Return the size, the BLAKE3, and the ETag that S3 gives to what `Bucket.write` sends."""
    size, whole, parts = 0, blake3(), []
    with path.open("rb", buffering=0) as file:
        while part := file.read(PART):
            size += len(part)
            whole.update(part)
            parts.append(md5(part, usedforsecurity=False).digest())
    if len(parts) == 1:
        return size, whole.hexdigest(), parts[0].hex()
    together = md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return size, whole.hexdigest(), f"{together}-{len(parts)}"


def blob_digest(bucket: Bucket, blob: str) -> str:
    """Return the BLAKE3 of what is in a bucket, read in parts.

    Raises:
        NotFound: there is nothing of this name.
        Unavailable: the bucket cannot be reached.
    """
    whole = blake3()
    for part in bucket.stream(blob):
        whole.update(part)
    return whole.hexdigest()


def _fetch(bucket: Bucket, name: str, store: Path, progress: Progress | None) -> None:
    told = 0
    for _ in range(_TRIES):
        path, descriptor = create_locked(store / "tmp")
        try:
            got, whole = 0, blake3()
            for part in _iter_parts(bucket, name):
                write_all(descriptor, part)
                whole.update(part)
                got += len(part)
                if progress is not None and got > told:
                    progress(Done(0, got - told))
                    told = got
            if whole.hexdigest() == name:
                os.fsync(descriptor)
                path.rename(store / "packs" / pack_file(name))
                fsync_folder(store / "packs")
                if progress is not None:
                    progress(Done(1, 0))
                return
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)
    raise Damaged(
        f"pack {name} in {bucket.url} is damaged: it was read {_TRIES} times and is not what its "
        "name says. Push it again from a repository that has it."
    )


def _iter_parts(bucket: Bucket, name: str) -> Iterator[bytes]:
    """Give the bytes of a pack in order; the next parts are on their way meanwhile."""
    blob = pack_name(name)
    try:
        size = bucket.look(blob).size
        yield from in_parallel(
            lambda offset: bucket.read_range(blob, offset, min(PART, size - offset)),
            range(0, size, PART),
            RANGES_AT_ONCE,
        )
    except NotFound as error:
        raise Damaged(f"pack {name} is gone from {bucket.url}") from error
