"""The read side and the write side of what MLflow's protocol keeps, of all its nouns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.catalog._labels import LabelReads, LabelWrites

from ._artifacts import ArtifactReads, ArtifactWrites
from ._logged_models import LoggedModelReads, LoggedModelWrites
from ._registry import RegistryReads, RegistryWrites
from ._traces import TraceReads, TraceWrites

if TYPE_CHECKING:
    from omprov.catalog._transaction import ReadTransaction, WriteTransaction


class MlflowReads(LoggedModelReads, RegistryReads, ArtifactReads, TraceReads, LabelReads):
    """What can be read in a view of the catalog."""


class MlflowWrites(
    LoggedModelWrites, RegistryWrites, ArtifactWrites, TraceWrites, LabelWrites, MlflowReads
):
    """What can be changed in the write transaction; each change leaves an audit row."""


def reads_of(view: ReadTransaction) -> MlflowReads:
    """Return the same view as MLflow's protocol reads it."""
    side = MlflowReads.__new__(MlflowReads)
    side.__dict__ = view.__dict__  # one state: there is one transaction
    return side


def writes_of(transaction: WriteTransaction) -> MlflowWrites:
    """Return the same transaction as MLflow's protocol writes in it."""
    side = MlflowWrites.__new__(MlflowWrites)
    side.__dict__ = transaction.__dict__  # one state: feed rows of both are numbered together
    return side
