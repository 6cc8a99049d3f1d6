"""Trees of files as the measures see them: the protocol, and the merge of two sorted walks.

No implementation lives here: the content store brings one, `_folders` two more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.records import Digest

Mode = Literal["file", "executable", "symlink"]
"""What a leaf is. A symlink's bytes are its target; nothing follows it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One file or symlink of a tree.

    Attributes:
        path: from the root of the tree, parts joined by ``/``, decoded by `os.fsdecode` (bytes that
            are no UTF-8 are surrogates).
        digest: BLAKE3-256 of the file's bytes, or of the symlink's target.
        size: bytes of the file, or of the symlink's target.
        mode: what it is.
    """

    path: str
    digest: Digest
    size: int
    mode: Mode = "file"

    def same_content(self, other: Leaf) -> bool:
        """Tell whether both hold the same bytes as the same sort of thing.

        The executable bit does not matter, as it does not to ``diff``.
        """
        return self.digest == other.digest and (self.mode == "symlink") == (other.mode == "symlink")


@dataclass(frozen=True, slots=True)
class Delta:
    """One path at which two trees differ: in content, in mode, or by being there at all.

    Attributes:
        old: what the older tree holds there; ``None`` where it holds nothing.
        new: what the newer tree holds there; never equal to `old`.
    """

    path: str
    old: Leaf | None
    new: Leaf | None


class Tree(Protocol):
    """A folder of files that does not change while it is looked at.

    **Order.** Walks and changes come in ascending order of the whole path as bytes
    (`path_order`), so ``a-b`` comes before ``a/x``. A recursive walk keeps this order if it sorts
    a folder under its name followed by ``/``.

    **Digests.** Two trees with equal digests hold the same leaves. The converse holds within one
    implementation only: another one may digest the same leaves differently.

    Empty folders are not seen: a tree is its leaves.
    """

    @property
    def digest(self) -> Digest:
        """The tree's own digest."""
        ...

    @property
    def files(self) -> int:
        """How many leaves there are."""
        ...

    @property
    def size(self) -> int:
        """The sum of the leaves' sizes, in bytes."""
        ...

    def walk(self) -> Iterator[Leaf]:
        """Yield every leaf, in order, each path once."""
        ...

    def changes_from(self, older: Tree) -> Iterator[Delta]:
        """Yield what differs between `older` and this tree, in order, each path once.

        Implementations that can, pass over equal subtrees without reading them. Where `older` is
        of another implementation, `merge_walks` does.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """Open the bytes of the leaf at `path` (a symlink's target) for reading.

        Raises:
            NotFound: there is no leaf at `path`.
        """
        ...


def path_order(path: str) -> bytes:
    """Return the key by which walks are sorted."""
    return os.fsencode(path)


def merge_walks(old: Tree | None, new: Tree | None) -> Iterator[Delta]:
    """Yield what differs between two trees, in order, by walking both entirely.

    Args:
        old: the older tree; ``None`` is the empty one.
        new: the newer tree; ``None`` is the empty one.
    """
    olds = old.walk() if old is not None else iter(())
    news = new.walk() if new is not None else iter(())
    a, b = next(olds, None), next(news, None)
    while a is not None or b is not None:
        if b is None or (a is not None and path_order(a.path) < path_order(b.path)):
            assert a is not None
            yield Delta(a.path, a, None)
            a = next(olds, None)
        elif a is None or path_order(b.path) < path_order(a.path):
            yield Delta(b.path, None, b)
            b = next(news, None)
        else:
            if a != b:
                yield Delta(a.path, a, b)
            a, b = next(olds, None), next(news, None)


def changes_between(old: Tree | None, new: Tree | None) -> Iterator[Delta]:
    """Yield what differs between two trees, in order, the quickest way there is.

    Args:
        old: the older tree; ``None`` is the empty one.
        new: the newer tree; ``None`` is the empty one.
    """
    if old is None or new is None:
        return merge_walks(old, new)
    if old.digest == new.digest:
        return iter(())
    return new.changes_from(old)
