"""Views and transactions for foreign protocols, which keep facts of their own in the catalog."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from omprov.errors import NotAllowed
from omprov.repository._door._opened import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omprov.catalog.mlflow import MlflowReads, MlflowWrites
    from omprov.records import Digest


class Foreign(Opened):
    """Views and transactions for foreign protocols, which keep facts of their own in the catalog.

    What changes version graphs goes through the other calls.
    """

    @contextmanager
    def reading_mlflow(self) -> Iterator[MlflowReads]:
        """Open a consistent view for MLflow's protocol; close it soon."""
        with self._reading() as reader:
            yield reader.mlflow

    @contextmanager
    def writing_mlflow(self, naming: Iterable[Digest] = ()) -> Iterator[MlflowWrites]:
        """Open the one write transaction for MLflow's protocol: all of the block, or nothing.

        Args:
            naming: the contents that it will name: first they come to where all can read them.
        """
        if self._bucket is not None:
            self._bucket.bring(naming)
        with self._writing() as writer:
            yield writer.mlflow

    def check_owner(self, doing: str) -> None:
        """Raise `NotAllowed` unless this view is of somebody who owns its project.

        Args:
            doing: what takes that, for the message.
        """
        if not self._owns(self.project):
            raise NotAllowed(f"{doing} takes an owner of the project {self.project}")
