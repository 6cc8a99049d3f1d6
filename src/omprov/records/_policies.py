"""How the roles of a run count when the graph of its outputs is inferred."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping


class Treatment(StrEnum):
    """What a role does in inference."""

    LINEAGE = "lineage"
    """It constrains the order and weighs."""
    FREE = "free"
    """It weighs only: any version may follow any other."""
    IGNORED = "ignored"
    """It does neither."""


class Missing(StrEnum):
    """What becomes of a lineage role that one run has and another lacks."""

    SEPARATE = "separate"
    """Runs with different sets of lineage roles are incomparable."""
    OLDEST = "oldest"
    """A missing role stands below every version of that role."""


_BY_NAME = {"params": Treatment.FREE, "environment": Treatment.IGNORED}


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one output asset.

    Attributes:
        roles: treatments that differ from the default. The default is by the first part of the
            role's name (``dataset`` for ``dataset.val``): ``params`` is free, ``environment`` is
            ignored, every other role is lineage.
        missing: see `Missing`.
    """

    roles: Mapping[str, Treatment] = field(default_factory=dict)
    missing: Missing = Missing.SEPARATE

    def treatment(self, role: str) -> Treatment:
        """Return how `role` counts."""
        head = role.partition(".")[0]
        return self.roles.get(role) or self.roles.get(head) or _BY_NAME.get(head, Treatment.LINEAGE)

    def to_json(self) -> dict[str, Any]:
        """Give JSON data that `from_json` reads back."""
        return {
            "roles": {role: str(treatment) for role, treatment in sorted(self.roles.items())},
            "missing": str(self.missing),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave.

        Raises:
            InvalidInput: an unknown treatment or missing rule.
        """
        try:
            return cls(
                roles={role: Treatment(value) for role, value in data.get("roles", {}).items()},
                missing=Missing(data.get("missing", Missing.SEPARATE)),
            )
        except ValueError as error:
            raise InvalidInput(
                f"not a policy: {error}; treatments are lineage, free and ignored, "
                "missing is separate or oldest"
            ) from None
