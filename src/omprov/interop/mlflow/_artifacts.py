"""Artifacts: files that clients store, list, fetch and drop.

The bytes go into the content store, the names into the catalog; so every worker sees them at once,
and so does a restarted one.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import ArtifactFile

from ._artifact_paths import artifact_path
from ._call import Endpoint
from ._errors import invalid, missing
from ._recording import keep_files, run_folder
from ._runs import get_run
from ._shapes import artifact_root, run_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from omprov.repository import Repository

    from ._call import Call

_RUN = re.compile(r"\d+/([0-9a-f]{32})/artifacts(?:/|$)")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a stored file, from `start` to before `stop`."""

    file: ArtifactFile
    source: BinaryIO
    start: int
    stop: int

    def read(self) -> Iterator[bytes]:
        """Give the bytes, piece by piece."""
        with self.source as source:
            source.seek(self.start)
            left = self.stop - self.start
            while left > 0 and (piece := source.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece


def store_artifact(repository: Repository, path: str, content: bytes | Path) -> None:
    """Store a file; when this returns, it is durable, and everybody sees it.

    Args:
        repository: in the project.
        path: of the artifact.
        content: its bytes, or a file with them.

    Raises:
        Refused: the path cannot be one.
    """
    folder, name = _split(path)
    store = repository.content
    if isinstance(content, bytes):
        stored = store.put_files({name: content})
    else:
        stored = store.put_selection({name: content})
    file = ArtifactFile(folder, name, stored.digest, stored.size)
    with repository.writing_mlflow([stored.digest]) as writer:
        writer.put_artifact(repository.project, file)
    _renew_files(repository, folder)


def open_artifact(repository: Repository, path: str, range_header: str | None = None) -> Part:
    """Open a stored file, or the part of it that a request asks for.

    Raises:
        Refused: there is no such file.
        IndexError: it has not so many bytes.
    """
    folder, name = _split(path)
    with repository.reading_mlflow() as reader:
        file = reader.find_artifact(repository.project, folder, name)
    if file is None:
        raise missing(f"No such artifact: {path[:200]!r}")
    start, stop = _bounds(range_header, file.size)
    return Part(file, repository.content.open_file(file.digest, name), start, stop)


def remove_artifact(repository: Repository, path: str) -> None:
    """Drop a file, or a folder with all that is in it; nothing happens where there is none.

    Raises:
        Refused: the path cannot be one.
    """
    folder, name = _split(path)
    with repository.writing_mlflow() as writer:
        writer.remove_artifacts(repository.project, folder, name)
    _renew_files(repository, folder)


def list_folder(repository: Repository, path: str) -> list[dict[str, Any]]:
    """Return what is in a folder, by name."""
    with repository.reading_mlflow() as reader:
        folders, files = reader.list_artifacts(repository.project, path)
    listed: list[dict[str, Any]] = [{"path": name, "is_dir": True} for name in folders]
    listed += [{"path": file.name, "is_dir": False, "file_size": file.size} for file in files]
    return sorted(listed, key=lambda one: str(one["path"]))


def _split(path: str) -> tuple[str, str]:
    folder, name = posixpath.split(artifact_path(path))
    if not name:
        raise invalid("Invalid path: it names no file.")
    return folder, name


def _renew_files(repository: Repository, folder: str) -> None:
    """Bring the files of a run that has ended up to its artifacts."""
    match = _RUN.match(folder)
    if match is None:
        return
    id = run_id_of(match[1])  # noqa: A001 the field's name
    with repository.reading_mlflow() as reader:
        if not reader.has_ended(repository.project, id):
            return
        run = reader.find_tracked_run(repository.project, id)
    if run is not None:
        keep_files(repository, run)


def _bounds(header: str | None, size: int) -> tuple[int, int]:
    """Return which bytes a request asks for; all of them where it does not say, or says more."""
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1 if last else size)
    if start >= stop:
        raise IndexError(size)
    return start, stop


def _list(call: Call) -> dict[str, Any]:
    path = artifact_path(call.find_text("path") or "")
    return {"files": list_folder(call.repository, path)}


def _list_of_run(call: Call) -> dict[str, Any]:
    inner = artifact_path(call.find_text("path") or "")
    with call.repository.reading_mlflow() as reader:
        run = get_run(reader, call)
    root = run_folder(run)
    listed = list_folder(call.repository, f"{root}/{inner}" if inner else root)
    start = f"{inner}/" if inner else ""
    return {
        "root_uri": artifact_root(run),
        "files": [{**one, "path": start + one["path"]} for one in listed],
    }


ENDPOINTS = (
    Endpoint("GET", "2.0/mlflow-artifacts/artifacts", _list, writes=False),
    Endpoint("GET", "2.0/mlflow/artifacts/list", _list_of_run, writes=False),
)
