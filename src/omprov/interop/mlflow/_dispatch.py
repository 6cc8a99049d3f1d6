"""Which call a request makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    _artifacts,
    _experiments,
    _links,
    _logged_models,
    _logging,
    _model_versions,
    _registry,
    _runs,
    _traces,
)
from ._call import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._call import Call

VERSION = "3.3.2"
"""The release of MLflow whose server this answers like: clients ask for nothing newer."""


def _server_info(_: Call) -> Mapping[str, object]:
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "artifact_serving_enabled": True,
        "artifacts_presigned_only": False,
    }


ENDPOINTS = (
    Endpoint("GET", "3.0/mlflow/server-info", _server_info, writes=False),
    *_experiments.ENDPOINTS,
    *_runs.ENDPOINTS,
    *_logging.ENDPOINTS,
    *_links.ENDPOINTS,
    *_logged_models.ENDPOINTS,
    *_registry.ENDPOINTS,
    *_model_versions.ENDPOINTS,
    *_artifacts.ENDPOINTS,
    *_traces.ENDPOINTS,
)
_PLAIN = {(one.method, one.path): one for one in ENDPOINTS if "{" not in one.path}
_WITH_PARTS = tuple(
    (one.method, tuple(one.path.split("/")), one) for one in ENDPOINTS if "{" in one.path
)


def find_endpoint(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """Return what answers a request, and the arguments in its path; ``None`` where nothing does.

    Args:
        method: of the request.
        path: behind ``/api/`` or ``/ajax-api/``.
    """
    plain = _PLAIN.get((method, path))
    if plain is not None:
        return plain, {}
    parts = path.split("/")
    for wanted, pattern, endpoint in _WITH_PARTS:
        if wanted == method and len(pattern) == len(parts):
            found = _arguments(pattern, parts)
            if found is not None:
                return endpoint, found
    return None


def _arguments(pattern: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    found = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            found[expected[1:-1]] = part
        elif expected != part:
            return None
    return found
