"""Artifacts: files that clients store one by one, by folder and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, or_, select

from omprov.catalog._mlflow_tables import artifact
from omprov.catalog._tables import project as _project
from omprov.catalog._transaction import ReadTransaction, WriteTransaction, upsert
from omprov.errors import NotFound

from ._facts import ArtifactFile

if TYPE_CHECKING:
    from typing import Any

_FILES = select(artifact.c.folder, artifact.c.name, artifact.c.digest, artifact.c.size).join(
    _project, _project.c.key == artifact.c.project_key
)
_AFTER_SLASH = "0"
"""The character behind the slash: what is below a folder is a range."""


class ArtifactReads(ReadTransaction):
    """Reads of artifacts."""

    def find_artifact(self, project: str, folder: str, name: str) -> ArtifactFile | None:
        """Return a file by its folder and name."""
        query = _FILES.where(
            _in_project(project), artifact.c.folder == folder, artifact.c.name == name
        )
        row = self._connection.execute(query).first()
        return None if row is None else ArtifactFile(*row)

    def list_artifacts(self, project: str, folder: str) -> tuple[list[str], list[ArtifactFile]]:
        """Return the folders and the files in a folder, by name."""
        files = self._connection.execute(
            _FILES.where(_in_project(project), artifact.c.folder == folder).order_by(
                artifact.c.name
            )
        )
        prefix = f"{folder}/" if folder else ""
        rest = func.substr(artifact.c.folder, len(prefix) + 1) + "/"
        first = _up_to_slash(self._dialect, rest)
        folders = self._connection.execute(
            select(first)
            .distinct()
            .select_from(artifact)
            .join(_project, _project.c.key == artifact.c.project_key)
            .where(_in_project(project), *_below(folder), artifact.c.folder != folder)
            .order_by(first)
        ).scalars()
        return list(folders), [ArtifactFile(*row) for row in files]

    def artifacts_below(self, project: str, folder: str) -> list[ArtifactFile]:
        """Return every file in a folder and below it, by path."""
        query = _FILES.where(
            _in_project(project), or_(artifact.c.folder == folder, and_(*_below(folder)))
        )
        rows = self._connection.execute(query.order_by(artifact.c.folder, artifact.c.name))
        return [ArtifactFile(*row) for row in rows]


class ArtifactWrites(ArtifactReads, WriteTransaction):
    """Changes of artifacts."""

    def put_artifact(self, project: str, file: ArtifactFile) -> None:
        """Keep a file whose bytes are stored; one of the same name is replaced."""
        row = {
            "project_key": self._key_of_project(project),
            "folder": file.folder,
            "name": file.name,
            "digest": file.digest,
            "size": file.size,
        }
        self._connection.execute(upsert(self._dialect, artifact, "digest", "size"), row)
        self._note("mlflow.artifact.put", f"{file.folder}/{file.name}", {"digest": file.digest})

    def remove_artifacts(self, project: str, folder: str, name: str) -> int:
        """Drop a file, or a folder with all below it; return how many files that were."""
        key = self._key_of_project(project)
        path = f"{folder}/{name}" if folder else name
        gone = self._connection.execute(
            delete(artifact).where(
                artifact.c.project_key == key,
                or_(
                    and_(artifact.c.folder == folder, artifact.c.name == name),
                    artifact.c.folder == path,
                    and_(*_below(path)),
                ),
            ),
            execution_options={"preserve_rowcount": True},
        ).rowcount
        if gone:
            self._note("mlflow.artifact.remove", path, {"files": gone})
        return gone

    def _key_of_project(self, name: str) -> int:
        key: int | None = self._connection.execute(
            select(_project.c.key).where(_project.c.name == name)
        ).scalar()
        if key is None:
            raise NotFound("project", name)
        return key


def _in_project(name: str) -> Any:
    return _project.c.name == name


def _below(folder: str) -> tuple[Any, ...]:
    if not folder:
        return (artifact.c.folder >= "",)
    return artifact.c.folder >= f"{folder}/", artifact.c.folder < f"{folder}{_AFTER_SLASH}"


def _up_to_slash(dialect: str, text: Any) -> Any:
    if dialect == "postgresql":
        return func.split_part(text, "/", 1)
    return func.substr(text, 1, func.instr(text, "/") - 1)
