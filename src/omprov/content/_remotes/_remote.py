"""A remote: a bucket with a content store in it, and what is known here of its packs.

Which objects a remote has is kept in a chunk index of its own beside the store: a cache, brought up
to date by listing the bucket and reading the footers of packs that are new.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from blake3 import blake3

from omprov.content._format._objects import Key, ObjectType
from omprov.content._format._pack import TRAILER_SIZE, footer_count, footer_size, parse_footer
from omprov.content._index import ChunkIndex
from omprov.content._layout import LAYOUT_FILE, check_layout_text, layout_text
from omprov.content._pack_folder import pack_file
from omprov.errors import Conflict, Damaged, NotFound

from ._buckets import open_bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from omprov.content._format._pack import Packed
    from omprov.records import Digest

    from ._buckets import Blob, Bucket

    Item = TypeVar("Item")
    Result = TypeVar("Result")

PACKS = "packs"
VAULT_FILE = "backups-of"
"""In a bucket that holds backups, which is a store to read from, but none to push to."""
_SUFFIX = pack_file("")
_TAIL = 128 << 10
"""So many bytes are asked for first: the footer of most packs and its trailer."""
_FOOTERS_AT_ONCE = 16


@dataclass(frozen=True)
class RemoteSettings:
    """How a remote is reached: plain data, which can be sent to another process.

    Attributes:
        name: for messages and to choose it.
        url: see `open_bucket`.
        options: see `open_bucket`.
        fresh: seconds for which what is known of it is not brought up to date again by readers; 0
            where they must find what others have just sent.
    """

    name: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    fresh: float = 5.0


@dataclass(frozen=True)
class RemoteSetup:
    """What a store reads from when it does not have something itself; plain data like that.

    Attributes:
        remotes: in the order in which they are asked.
        cache_limit: bytes of remote packs that are kept on the disk.
        cache_folder: where; else beside the packs.
    """

    remotes: Sequence[RemoteSettings] = ()
    cache_limit: int = 10 << 30
    cache_folder: str | None = None


def options_at(remotes: Iterable[RemoteSettings], address: str) -> Mapping[str, str]:
    """Return the options of the remote that an address lies in; of several, of the innermost."""
    around = [remote for remote in remotes if _lies_in(address, remote.url)]
    return max(around, key=lambda remote: len(remote.url)).options if around else {}


def _lies_in(address: str, url: str) -> bool:
    return f"{address}/".startswith(f"{url.rstrip('/')}/")


class Remote:
    """A content store in a bucket. Safe to use from several threads.

    Its packs are named by digest and never change, so that many may write to it at once without
    a lock. Nothing is asked of the bucket before it is needed.
    """

    def __init__(self, settings: RemoteSettings, folder: Path) -> None:
        """Know a remote.

        Args:
            settings: how it is reached.
            folder: where the knowledge of remotes is kept.
        """
        self.name = settings.name
        self.url = settings.url
        self._settings = settings
        self._bucket: Bucket | None = None
        self._index_path = folder / f"{_identity(settings)}.sqlite"
        self._index: ChunkIndex | None = None
        self._asked: float | None = None
        self._opening = RLock()
        self._refreshing = RLock()
        self.sizes: dict[str, int] = {}
        """Pack → bytes, as the last `refresh` found them."""

    @property
    def bucket(self) -> Bucket:
        """Where it is.

        Raises:
            InvalidInput: its URL or its options cannot be right.
            MissingExtra: obstore is not installed.
        """
        with self._opening:
            if self._bucket is None:
                self._bucket = open_bucket(self.url, options=self._settings.options)
            return self._bucket

    @property
    def index(self) -> ChunkIndex:
        """What is known of its packs; see `refresh`."""
        with self._opening:
            if self._index is None:
                with suppress(OSError):
                    self._index_path.parent.mkdir(exist_ok=True)
                self._index = ChunkIndex(self._index_path)
            return self._index

    def close(self) -> None:
        """Let go of files."""
        with self._opening:
            if self._index is not None:
                self._index.close()
                self._index = None

    def exists(self) -> bool:
        """Say whether a store is there.

        Raises:
            SchemaMismatch: a newer release made it.
            Damaged: what says its layout cannot be read.
            Unavailable: the bucket cannot be reached.
        """
        try:
            text = self.bucket.read(LAYOUT_FILE)
        except NotFound:
            return False
        check_layout_text(text.decode("ascii", "replace"), self.url)
        return True

    def make(self) -> None:
        """Make an empty store there, unless there is one.

        Raises:
            Conflict: other things are there, or backups, with which their packs go.
        """
        with suppress(NotFound):
            self.bucket.look(VAULT_FILE)
            raise Conflict(
                f"{self.url} holds backups, and their packs go when they do: push to another prefix"
            )
        if self.exists():
            return
        for blob in self.bucket.list():
            if not blob.name.startswith(f"{PACKS}/") and blob.name != LAYOUT_FILE:
                raise Conflict(
                    f"{self.url} holds other things ({blob.name}) and no store: take another prefix"
                )
        self.bucket.write(LAYOUT_FILE, layout_text().encode("ascii"))

    def refresh(self, *, unless_fresh: bool = False) -> None:
        """Bring the index up to date with the packs that are there.

        A pack whose footer is damaged stays out, as if it were not there.

        Args:
            unless_fresh: do nothing if that was done in the last seconds.

        Raises:
            NotFound: there is no store.
            SchemaMismatch: a newer release made it, or a pack.
            Unavailable: the bucket cannot be reached.
        """
        with self._refreshing:
            if unless_fresh and self.is_fresh():
                return
            if not self.exists():
                self._asked = monotonic()
                raise NotFound("content store", self.url, hint="`omprov push` makes one.")
            there = self.sizes = self._pack_sizes()
            known = self.index.packs()
            if not known <= there.keys():
                self.index.clear()  # what lay in the lost packs may lie in others as well
                known = set()
            new = sorted(there.keys() - known)
            for name, footer in in_parallel(
                lambda name: (name, self._read_tail(name, there[name])), new, _FOOTERS_AT_ONCE
            ):
                with suppress(Damaged):
                    self.index.add_pack(name, _parse_tail(footer, there[name], name))
            self._asked = monotonic()

    def is_fresh(self, seconds: float | None = None) -> bool:
        """Say whether the index was brought up to date in the last seconds."""
        length = self._settings.fresh if seconds is None else seconds
        return self._asked is not None and monotonic() < self._asked + length

    def known_trees(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those of these trees that the index knows, each whole; nothing is asked."""
        keys = {Key(ObjectType.TREE, bytes.fromhex(digest)): digest for digest in digests}
        return {keys[key] for key in self.index.known(keys)}

    def list_packs(self) -> dict[str, int]:
        """Return the packs that are there now, with their bytes; the index stays as it is."""
        self.sizes = self._pack_sizes()
        return self.sizes

    def footer(self, name: str, size: int) -> list[Packed]:
        """Read what a pack lists.

        Raises:
            NotFound: it is gone.
            Damaged: its footer is not what was written.
        """
        return _parse_tail(self._read_tail(name, size), size, name)

    def _pack_sizes(self) -> dict[str, int]:
        blobs = ((blob.name.removeprefix(f"{PACKS}/"), blob.size) for blob in self._listed())
        return {name.removesuffix(_SUFFIX): size for name, size in blobs if name.endswith(_SUFFIX)}

    def _listed(self) -> Iterator[Blob]:
        return self.bucket.list(PACKS)

    def lists_only(self, name: str, objects: int) -> bool:
        """Say whether a pack's footer lists just so many objects; its size must be known."""
        size = self.sizes[name]
        trailer = self.bucket.read_range(pack_name(name), size - TRAILER_SIZE, TRAILER_SIZE)
        return len(trailer) == TRAILER_SIZE and footer_count(trailer) == objects

    def _read_tail(self, name: str, size: int) -> bytes:
        """Read the end of a pack, from the first record on."""
        blob = pack_name(name)
        tail = self.bucket.read_range(blob, max(size - _TAIL, 0), min(size, _TAIL))
        if len(tail) < TRAILER_SIZE:
            return tail
        wanted = min(footer_size(tail), size)
        if wanted > len(tail):
            more = wanted - len(tail)
            tail = self.bucket.read_range(blob, size - wanted, more) + tail
        return tail


def pack_name(name: str) -> str:
    """Return how a pack is called in a bucket."""
    return f"{PACKS}/{pack_file(name)}"


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Give what `work` returns for each item, in order; at most `threads` are worked on or wait."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _parse_tail(tail: bytes, size: int, name: str) -> list[Packed]:
    start = size - len(tail)
    return parse_footer(
        lambda offset, length: (
            tail[offset - start : offset - start + length] if offset >= start else b""
        ),
        size,
        name,
    )


def _identity(settings: RemoteSettings) -> str:
    """Name a remote's place: the same URL at another endpoint is another place."""
    text = "\0".join((settings.url, settings.options.get("endpoint", "")))
    return blake3(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
