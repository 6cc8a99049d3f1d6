"""Buckets: where the bytes of remotes, backups and references lie, in a cloud or a folder.

`open_bucket` is the one way to a bucket, whatever its URL; nothing else knows which library speaks
to it. A bucket knows names and bytes, nothing of packs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from omprov.errors import InvalidInput, MissingExtra

from ._bucket_folder import FolderBucket
from ._bucket_names import Blob, OtherState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Blob", "Bucket", "OtherState", "open_bucket", "split_url"]

CLOUDS = {"s3": "Amazon S3 and what speaks like it", "gs": "Google Cloud", "az": "Azure"}


class Bucket(Protocol):
    """Named bytes below a URL. Safe to use from several threads; holds nothing open.

    **Atomic.** A name shows all the bytes of one `write`, or none.

    **Durable.** What `write` returned from is kept: by the cloud, or synced to the disk.

    **Errors.** Every method raises `Unavailable` where the bucket does not exist, cannot be
    reached, or refuses the credentials; the message names the URL and the fix. Failed requests
    were tried again before that, for about twenty seconds.
    """

    @property
    def url(self) -> str:
        """The URL, as it was given."""
        ...

    def list(self, folder: str = "") -> Iterator[Blob]:
        """Give what lies below a folder, page by page, in no order; nothing if it is not there."""
        ...

    def look(self, name: str) -> Blob:
        """Return size and ETag.

        Raises:
            NotFound: there is nothing of this name.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return all bytes.

        Raises:
            NotFound: there is nothing of this name.
        """
        ...

    def read_range(self, name: str, offset: int, length: int, *, etag: str = "") -> bytes:
        """Return `length` bytes from `offset` on, fewer where the blob ends before.

        Args:
            name: which blob.
            offset: of the first byte.
            length: how many bytes.
            etag: only if it has this ETag.

        Raises:
            NotFound: there is nothing of this name.
            OtherState: it has another ETag.
        """
        ...

    def stream(self, name: str, *, etag: str = "") -> Iterator[bytes]:
        """Give all bytes, in parts of some megabytes.

        Args:
            name: which blob.
            etag: only if it has this ETag.

        Raises:
            NotFound: there is nothing of this name.
            OtherState: it has another ETag.
        """
        ...

    def write(self, name: str, data: bytes | Path | BinaryIO) -> Blob:
        """Store bytes, or a file's, under a name; what had the name is replaced.

        Large ones go in parts of `PART` bytes. The ETag of the answer may differ from what the
        bytes have in another bucket.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete what has this name, if anything has."""
        ...


class SplitUrl(NamedTuple):
    """A bucket's URL in parts.

    Attributes:
        scheme: ``s3``, ``gs``, ``az`` or ``file``.
        bucket: its name; ``""`` for a folder.
        path: the prefix inside, without slashes at its ends; of a folder, its absolute path.
    """

    scheme: str
    bucket: str
    path: str


def split_url(url: str) -> SplitUrl:
    """Take a bucket's URL apart.

    Raises:
        InvalidInput: it is no such URL.
    """
    if url.startswith("/"):
        return SplitUrl("file", "", url)
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
            raise InvalidInput(f"{url!r} names no folder of this machine: write file:///path")
        return SplitUrl("file", "", unquote(parts.path))
    if parts.scheme not in CLOUDS:
        raise InvalidInput(
            f"{url!r} is no remote: write s3://bucket/prefix, gs://bucket/prefix, "
            "az://container/prefix, file:///path or an absolute path"
        )
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInput(
            f"{url!r} is no remote: write {parts.scheme}://bucket/prefix, without credentials, "
            "'?' or '#'"
        )
    path = parts.path.strip("/")
    if any(part in {"", ".", ".."} for part in path.split("/")) and path:
        raise InvalidInput(f"{url!r} is no remote: a part of its path is empty, '.' or '..'")
    return SplitUrl(parts.scheme, parts.netloc, path)


def open_bucket(url: str, *, options: Mapping[str, str] | None = None) -> Bucket:
    """Open a bucket; nothing is asked of it yet.

    Args:
        url: ``s3://bucket/prefix``, ``gs://…``, ``az://container/prefix``, ``file:///path`` or an
            absolute path (the folder need not exist).
        options: of clouds: ``endpoint``, ``region``, ``anonymous``, ``allow_http`` (taken for
            granted where the endpoint is this machine), of S3 ``profile``, and whatever else
            obstore calls by name. What is not given comes from the environment (``AWS_…``,
            ``GOOGLE_…``, ``AZURE_…``) or, of S3 and with boto3, from ``~/.aws``.

    Raises:
        InvalidInput: not such a URL, or an option that it does not have.
        MissingExtra: a cloud's, and obstore is not installed.
    """
    parts = split_url(url)
    if parts.scheme == "file":
        if options:
            raise InvalidInput(f"{url} is a folder: it has no option {next(iter(options))!r}")
        return FolderBucket(url, Path(parts.path))
    try:
        from ._bucket_cloud import CloudBucket
    except ImportError as error:
        raise MissingExtra("remotes", f"reading and writing {parts.scheme}:// remotes") from error
    return CloudBucket(url, parts.scheme, parts.bucket, parts.path, options or {})
