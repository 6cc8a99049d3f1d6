"""Which version of an algorithm a job is: its code, as far as events say where it lies."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput
from omprov.records import AssetName, Kind
from omprov.repository import AUTO

from ._datasets import ensure_asset
from ._events import canonical
from ._known import SOURCE, small_facets
from ._names import Named, asset_name, is_ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.records import Version
    from omprov.repository import Repository

FILE = "job.json"
_LOCATION = ("type", "url", "repoUrl", "path", "version", "tag", "branch")
_ENDINGS = {"python": "py", "sql": "sql", "scala": "scala", "java": "java", "bash": "sh", "r": "r"}


def job_asset(project: str, job: Named) -> AssetName:
    """Return the name of the algorithm that a job is."""
    return AssetName(project, Kind.ALGORITHM, asset_name(job))


def job_version(repository: Repository, job: Named, facets: Mapping[str, Any]) -> Version:
    """Return the version of a job's code.

    A version that is known by its git commit is that one, in whatever asset. Else the job has an
    algorithm of its own, and what its facets say of its code is one version of it.
    """
    location = _location(facets)
    known = _known_commit(repository, location)
    if known is not None:
        return known
    asset = job_asset(repository.project, job)
    ensure_asset(repository, asset, job, measure=None)
    content = {FILE: f"{canonical({'job': list(job), **location})}\n".encode(), **_texts(facets)}
    source = {
        SOURCE: {
            "namespace": job.namespace,
            "name": job.name,
            "facets": small_facets(facets),
        }
    }
    return repository.add_version(
        asset, repository.content.put_files(content), inherits=AUTO, source=source
    ).version


def _location(facets: Mapping[str, Any]) -> dict[str, str]:
    said = facets.get("sourceCodeLocation")
    if not isinstance(said, dict):
        return {}
    return {
        part: said[part] for part in _LOCATION if isinstance(said.get(part), str) and said[part]
    }


def _known_commit(repository: Repository, location: Mapping[str, str]) -> Version | None:
    """Return the version that this commit makes, if one algorithm alone knows it."""
    commit = location.get("version")
    if location.get("type") != "git" or not commit:
        return None
    found = []
    for asset in repository.list_assets(project=repository.project, kind=Kind.ALGORITHM):
        if is_ours(asset.name.name):
            continue
        with suppress(InvalidInput):  # no commit: a branch, a tag, a number
            version = repository.find_commits(asset.name, [commit]).get(commit)
            found += [version] if version is not None else []
    return found[0] if len(found) == 1 else None


def _texts(facets: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the code itself where events hold it."""
    texts: dict[str, bytes] = {}
    sql = facets.get("sql")
    if isinstance(sql, dict) and isinstance(sql.get("query"), str):
        texts["query.sql"] = sql["query"].encode("utf-8", "replace")
    code = facets.get("sourceCode")
    if isinstance(code, dict) and isinstance(code.get("sourceCode"), str):
        ending = _ENDINGS.get(str(code.get("language", "")).lower(), "txt")
        texts[f"source.{ending}"] = code["sourceCode"].encode("utf-8", "replace")
    return texts
