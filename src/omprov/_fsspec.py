"""``omprov://`` for pandas, Arrow, datasets and all that reads through fsspec; read-only.

fsspec itself loads this module, by an entry point. ``omprov://dataset/digits:v3/a.csv``, or with
the project, ``omprov:///default/dataset/digits:v3/a.csv``; the repository is the nearest one,
``OMPROV_URL``, or the storage option ``repository``.
"""

from __future__ import annotations

import errno
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from fsspec import AbstractFileSystem

from omprov._front import connect, find_repository
from omprov.errors import InvalidInput, NotFound
from omprov.records import Kind, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from omprov.content import StoredTree
    from omprov.diff import Leaf
    from omprov.records import Version
    from omprov.repository import Repository

_SCHEME = "omprov://"
_KINDS = frozenset(kind.value for kind in Kind)
_TREES_KEPT = 32


class ReadOnlyVersion(InvalidInput, NotImplementedError):
    """Versions never change: nothing is written through this file system."""


class OmprovFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of versions, as fsspec sees file systems.

    It can be pickled, and used by threads and by forked or spawned processes: each opens the
    repository for itself.

    Args:
        repository: its folder; the nearest one, or ``OMPROV_URL``, where left out.
        host: of a server, as an address may name one.
    """

    protocol = "omprov"
    root_marker = ""

    def __init__(
        self, repository: str | Path | None = None, host: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._url = f"https://{host}" if host else repository
        self._opened: tuple[tuple[int, Path], Repository] | None = None
        self._trees: dict[str, StoredTree] = {}

    # -- addresses
    @classmethod
    def _strip_protocol(cls, path: str | list[str]) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = os.fspath(path)
        if text.startswith(_SCHEME):
            text = _split_host(text)[1]
        return text.strip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        host = _split_host(path)[0] if path.startswith(_SCHEME) else ""
        return {"host": host} if host else {}

    def unstrip_protocol(self, name: str) -> str:
        """Return the address of a path."""
        path = self._strip_protocol(name)
        return f"{_SCHEME}{path}" if path.partition("/")[0] in _KINDS else f"{_SCHEME}/{path}"

    # -- looking
    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002 - as fsspec calls it
        """List a folder of a version, the versions of an asset, the assets of a kind, and so on."""
        place = _Place(self._strip_protocol(path))
        with _told(path):
            entries = self._list(place)
        return entries if detail else [entry["name"] for entry in entries]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return what is known of one path: its type, size, and of files the digest."""
        place = _Place(self._strip_protocol(path))
        with _told(path):
            if not place.version:
                self._list(place)
                return _folder(place.path)
            version, tree = self._tree(place)
            inner = tree.follow(place.inner)
            if tree.find_folder(inner) is not None:
                return _folder(place.path, version)
            return _file(place.path, version, tree.get(inner))

    def created(self, path: str) -> datetime:
        """Return when the version was recorded that holds the file."""
        info = self.info(path)
        if "created" not in info:
            raise InvalidInput(f"{path} is no part of a version: nothing says when it was created")
        created: datetime = info["created"]
        return created

    modified = created

    def ukey(self, path: str) -> str:
        """Return what is another text once the content is another: the digest."""
        return str(self.info(path)["digest"])

    def checksum(self, path: str) -> int:
        """Return the digest of a file as a number, as fsspec wants it."""
        return int(self.ukey(path), 16)

    # -- reading
    def _open(self, path: str, mode: str = "rb", *_: Any, **__: Any) -> Any:
        if mode != "rb":
            self._refuse()
        return OmprovFile(self, path)

    def open_inner(self, path: str) -> BinaryIO:
        """Open a file as the repository does."""
        place = _Place(self._strip_protocol(path))
        with _told(path):
            if not place.version:
                raise NotFound("file", path, hint="It names no version and file.")
            tree = self._tree(place)[1]
            inner = tree.follow(place.inner)
            if tree.find_folder(inner) is not None:
                raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
            return tree.open(inner)

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Read parts of files, each file opened once."""
        del max_gap
        count = len(paths)
        begin = starts if isinstance(starts, list) else [starts] * count
        end = ends if isinstance(ends, list) else [ends] * count
        found: list[Any] = [b""] * count
        for path in dict.fromkeys(paths):
            places = [place for place, one in enumerate(paths) if one == path]
            try:
                with self._open(path) as file:
                    for place in places:
                        found[place] = _read_part(file, begin[place], end[place])
            except OSError as error:
                if on_error == "raise":
                    raise
                for place in places:
                    found[place] = error
        return found

    # -- writing
    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise ReadOnlyVersion(
            "versions never change, so nothing can be written to omprov://: write to a folder and "
            "record it with `omprov add`"
        )

    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = mv = touch = pipe_file = _refuse
    put_file = put = pipe = copy = _refuse

    # -- the repository
    def _repository(self) -> Repository:
        """Return the repository, opened by this very process: a fork must open its own.

        fsspec keeps file systems for ever, while the nearest repository may become another one.
        """
        which = os.getpid(), find_repository(self._url).absolute()
        if self._opened is None or self._opened[0] != which:
            self._opened = which, connect(which[1], create=False)
            self._trees = {}
        return self._opened[1]

    def _tree(self, place: _Place) -> tuple[Version, StoredTree]:
        repository = self._repository()
        version = repository.get_version(place.version)
        tree = self._trees.get(version.digest or "")
        if tree is None:
            tree = repository.tree(version)
            if len(self._trees) >= _TREES_KEPT:
                self._trees = {}
            self._trees[str(tree.digest)] = tree
        return version, tree

    def _list(self, place: _Place) -> list[dict[str, Any]]:
        repository = self._repository()
        prefix = place.path + "/" if place.path else ""
        if place.version and (place.inner or ":" in place.version):
            return self._list_files(place)
        if place.version:
            versions = repository.list_versions(place.version)
            return [_folder(f"{place.path}:v{one.number}", one) for one in reversed(versions)]
        if not place.path:
            return [_folder(project.name) for project in repository.list_projects()]
        if place.project and place.project not in {p.name for p in repository.list_projects()}:
            raise NotFound("project", place.project)
        project = place.project or repository.project
        kind = Kind(place.kind) if place.kind else None
        names = [asset.name for asset in repository.list_assets(project=project, kind=kind)]
        if kind is None:
            return [_folder(prefix + one) for one in sorted({name.kind for name in names})]
        return [_folder(prefix + name.name) for name in names]

    def _list_files(self, place: _Place) -> list[dict[str, Any]]:
        version, tree = self._tree(place)
        inner = tree.follow(place.inner)
        folder = tree.find_folder(inner)
        if folder is None:
            return [_file(place.path, version, tree.get(inner))]
        entries = []
        for name, leaf in folder.iter_top():
            path = f"{place.path}/{name}"
            if leaf is None:
                entries.append(_folder(path, version))
            elif leaf.mode == "symlink":
                entries.append(self._link(path, version, tree, f"{inner}/{name}"))
            else:
                entries.append(_file(path, version, leaf))
        return entries

    def _link(self, path: str, version: Version, tree: StoredTree, inner: str) -> dict[str, Any]:
        """Say what a symlink leads to.

        One that leads nowhere, or to a folder, is listed as something else than file and folder: a
        walk that entered folders by their other names could go round for ever.
        """
        try:
            return _file(path, version, tree.get(tree.follow(inner))) | {"islink": True}
        except NotFound:
            return _file(path, version, tree.get(inner.strip("/"))) | {"type": "other"}


class OmprovFile(io.BufferedIOBase):
    """An open file of a version. It can be pickled, and survives a fork."""

    def __init__(self, fs: OmprovFileSystem, path: str) -> None:
        self.fs = fs
        self.path = path
        self._file = fs.open_inner(path)
        self._process = os.getpid()
        self.size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.fs, self.path, self.tell())

    @property
    def name(self) -> str:
        """Its path."""
        return self.path

    @property
    def details(self) -> dict[str, Any]:
        """What the file system says of it."""
        return self.fs.info(self.path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _mine(self) -> BinaryIO:
        if self._process != os.getpid():
            place = self._file.tell()
            self._file, self._process = self.fs.open_inner(self.path), os.getpid()
            self._file.seek(place)
        return self._file

    def read(self, size: int | None = -1, /) -> bytes:
        return self._mine().read(-1 if size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        data: bytes = self._mine().read1(size)  # type: ignore[attr-defined]
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._mine().readline(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._mine().seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _Place:
    """A path, taken apart: ``[project/]kind/name[:selector]/inner``.

    Attributes:
        path: the whole.
        project: empty where it was left out.
        kind: empty above kinds.
        version: the reference of the asset or version; empty above assets.
        inner: the path in the version.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        head, *rest = path.split("/")
        self.project = "" if head in _KINDS else head
        if self.project:
            head, *rest = rest or [""]
        self.kind = head
        if self.kind and self.kind not in _KINDS:
            raise FileNotFoundError(
                errno.ENOENT, f"{self.kind!r} is no kind (one of {', '.join(Kind)})", path
            )
        self.version = ""
        if rest and rest[0]:
            self.version = "/".join(filter(None, (self.project, self.kind, rest[0])))
            Reference.parse(self.version)
        self.inner = "/".join(rest[1:])


def _split_host(address: str) -> tuple[str, str]:
    """Return the host, empty where none is named, and the path."""
    host, _, path = address.removeprefix(_SCHEME).partition("/")
    return ("", f"{host}/{path}") if host in _KINDS else (host, path)


def _folder(path: str, version: Version | None = None) -> dict[str, Any]:
    info = {"name": path, "size": 0, "type": "directory"}
    return info if version is None else info | {"created": version.created}


def _file(path: str, version: Version, leaf: Leaf) -> dict[str, Any]:
    return {
        "name": path,
        "size": leaf.size,
        "type": "file",
        "digest": str(leaf.digest),
        "mode": 0o555 if leaf.mode == "executable" else 0o444,
        "created": version.created,
        "mtime": version.created.timestamp(),
    }


def _read_part(file: OmprovFile, start: int | None, end: int | None) -> bytes:
    begin, stop, _ = slice(start, end).indices(file.size)
    file.seek(begin)
    return file.read(max(stop - begin, 0))


def _reopened(fs: OmprovFileSystem, path: str, place: int) -> OmprovFile:
    file = OmprovFile(fs, path)
    file.seek(place)
    return file


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn what is not found into the error that readers of files expect."""
    try:
        yield
    except NotFound as error:
        if error.what == "repository":
            raise
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
