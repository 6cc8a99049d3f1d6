"""The facets that OMProv adds to events, and reads in those of other OMProv repositories.

``omprov_version`` stands on a dataset and says which version it is; ``omprov_run`` stands on a run
and says what used what in which role, with parameters and metrics. Other tools pass them over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omprov.records import Kind, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCER = "https://github.com/omprov/omprov"
SCHEMA = f"{PRODUCER}/blob/main/docs/design/openlineage.md"
VERSION_FACET = "omprov_version"
RUN_FACET = "omprov_run"


@dataclass(frozen=True, slots=True)
class Ancestor:
    """That one version of a kind inherits another, both as ``name:number``."""

    newer: tuple[str, int]
    older: tuple[str, int]
    weight: float


@dataclass(frozen=True, slots=True)
class OwnVersion:
    """A version of an OMProv repository, as a facet says it.

    Attributes:
        id: of the version.
        ancestors: declared edges among uploaded versions, this one's first.
        cut: whether there are more than are told.
    """

    kind: Kind
    name: str
    number: int
    id: str
    role: str
    digest: str | None = None
    ancestors: tuple[Ancestor, ...] = ()
    cut: bool = False

    @property
    def label(self) -> str:
        """The version as a dataset's version facet says it."""
        return f"v{self.number}"

    def to_json(self) -> dict[str, Any]:
        """Give JSON data that `read_version` reads."""
        return {
            "kind": self.kind.value,
            "name": self.name,
            "number": self.number,
            "id": self.id,
            "role": self.role,
            "digest": self.digest,
            "inherits": [
                {"newer": list(one.newer), "older": list(one.older), "weight": one.weight}
                for one in self.ancestors
            ],
            "inheritsMore": self.cut,
        }


@dataclass(frozen=True, slots=True)
class OwnRun:
    """What only OMProv knows of a run.

    Attributes:
        settings: role → version, of what OpenLineage has no datasets for: code, environment.
    """

    project: str
    settings: Mapping[str, OwnVersion] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()


def read_version(data: Any) -> OwnVersion | None:
    """Read a facet; ``None`` where it is none of ours."""
    try:
        return OwnVersion(
            kind=Kind(data["kind"]),
            name=check_name(data["name"]),
            number=int(data["number"]),
            id=str(data["id"]),
            role=check_name(data["role"], "role"),
            digest=data.get("digest"),
            ancestors=tuple(_ancestor(one) for one in data.get("inherits", ())),
            cut=bool(data.get("inheritsMore")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _ancestor(data: Mapping[str, Any]) -> Ancestor:
    newer, older = data["newer"], data["older"]
    return Ancestor(
        (check_name(newer[0]), int(newer[1])),
        (check_name(older[0]), int(older[1])),
        float(data["weight"]),
    )


def read_run(data: Any) -> OwnRun | None:
    """Read a facet; ``None`` where it is none of ours."""
    try:
        found = {role: read_version(one) for role, one in data.get("settings", {}).items()}
        return OwnRun(
            project=check_name(data["project"], "project"),
            settings={role: one for role, one in found.items() if one is not None},
            params=dict(data.get("params", {})),
            metrics={str(name): float(value) for name, value in data.get("metrics", {}).items()},
            tags={str(name): str(value) for name, value in data.get("tags", {}).items()},
            command=tuple(str(word) for word in data.get("command", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
