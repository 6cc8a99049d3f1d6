"""The workspace: which versions the folders of a working directory hold."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from omprov.records import Digest, Version, VersionId

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Held:
    """What a folder was checked out from, or last recorded as.

    Attributes:
        path: relative to the root of the workspace, ``/``-separated; absolute outside of it.
        reference: for people; the id is what counts.
        removed: whether the version was removed since.
        by_reference: whether the version was recorded without its bytes.
        parts: the files and folders of the version that alone were checked out; empty for all.
    """

    path: str
    version: VersionId
    reference: str
    digest: Digest
    removed: bool = False
    by_reference: bool = False
    parts: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Say whether a file of the version was checked out at all."""
        return not self.parts or any((path + "/").startswith(part + "/") for part in self.parts)


class Workspace:
    """A small JSON file beside the repository.

    Changes are atomic, and serialised between processes by a lock on a file of its own.

    Args:
        root: the working directory.
        file: where the memory lies.
    """

    def __init__(self, root: Path, file: Path) -> None:
        self.root = root
        self._file = file

    def find(self, path: Path) -> Held | None:
        """Return what this folder or file holds, if it is known."""
        return self._read().get(self._name(path))

    def list(self) -> list[Held]:
        """Return everything that is known, by path."""
        return [held for _, held in sorted(self._read().items())]

    def path_of(self, held: Held) -> Path:
        """Return where it lies."""
        return self.root / held.path

    def remember(self, path: Path, version: Version, parts: Iterable[str] = ()) -> None:
        """Note that `path` now holds this version; a version without content is not noted.

        Args:
            path: where.
            version: which.
            parts: the files and folders of it that are there, where it is not all.
        """
        if version.digest is None:
            return
        name = self._name(path)
        with self._changing() as known:
            known[name] = Held(
                name,
                version.id,
                version.reference,
                version.digest,
                by_reference="reference" in version.source,
                parts=tuple(sorted(set(parts))),
            )

    def forget(self, path: Path) -> None:
        """Drop what is known of `path`."""
        with self._changing() as known:
            known.pop(self._name(path), None)

    def mark_removed(self, versions: Collection[VersionId]) -> None:
        """Note that these versions were removed."""
        if any(held.version in versions for held in self.list()):
            with self._changing() as known:
                for name, held in known.items():
                    if held.version in versions:
                        known[name] = replace(held, removed=True)

    def _name(self, path: Path) -> str:
        absolute, root = path.absolute().resolve(), self.root.resolve()
        return (
            absolute.relative_to(root).as_posix()
            if absolute.is_relative_to(root)
            else str(absolute)
        )

    def _read(self) -> dict[str, Held]:
        try:
            data: Any = json.loads(self._file.read_text(encoding="utf-8"))
            return {item["path"]: _held(item) for item in data["folders"]}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(
                f"{self._file} cannot be read ({error}); delete it, and check out or add the "
                "folders again"
            ) from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Held]]:
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            yield known
            folders = [_as_json(held) for _, held in sorted(known.items())]
            partial = self._file.with_suffix(".new")
            with partial.open("w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, "folders": folders}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._file)


def _held(item: dict[str, Any]) -> Held:
    return Held(**{**item, "parts": tuple(item.get("parts", ()))})


def _as_json(held: Held) -> dict[str, Any]:
    """Give JSON data; earlier releases know the first facts only, which are never empty."""
    return {name: value for name, value in asdict(held).items() if value}
