"""What Lightning's logger does, whichever of its two packages it stands under."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lightning_utilities.core.rank_zero import rank_zero_only

from omprov.records import RunStatus, name_like

from ._harmless import harmless
from ._recordings import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.repository import ActiveRun

_HOOK = "Lightning"


class LightningRun:
    """The calls of a logger; only the process of rank zero records anything."""

    def __init__(
        self,
        name: str = "lightning",
        *,
        model: str | None = None,
        checkpoints: Literal["best", "all"] | None = "best",
        save_dir: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make a logger.

        Args:
            name: of the run, where none is active.
            model: whose versions checkpoints become; else ``model/RUN``.
            checkpoints: ``best`` records the best one and, beside it, the last one; ``all`` every
                one that is kept; ``None`` none.
            save_dir: where Lightning's checkpoints go by default.
            tags: of the run, where none is active.
        """
        super().__init__()
        self._wanted_name = name
        self._model = model
        self._checkpoints = checkpoints
        self._save_dir = save_dir
        self._tags = dict(tags or {})
        self._recording: Recording | None = None
        self._callbacks: list[Any] = []

    def begin(self) -> Recording:
        """Return what is recorded to, begun now if it was not."""
        if self._recording is None:
            self._recording = Recording.begin(self._wanted_name, self._tags)
        return self._recording

    def run(self) -> ActiveRun:
        """Return the run."""
        return self.begin().run

    @property
    def save_dir(self) -> str | None:
        """Where Lightning's checkpoints go by default; ``None`` leaves that to the trainer."""
        return self._save_dir

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._wanted_name if self._recording is None else self._recording.name

    @property
    def version(self) -> str:
        """The id of the run; on other ranks than zero, and before it is known, a zero."""
        if rank_zero_only.rank != 0:
            return "0"
        found = harmless(_HOOK)(self.begin)()
        return "0" if found is None else str(getattr(found.run, "id", None) or "0")

    @rank_zero_only
    @harmless(_HOOK)
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, metrics: dict[str, Any] | None = None
    ) -> None:
        """Record hyperparameters and, where given, first values of metrics."""
        recording = self.begin()
        recording.log_params(vars(params) if isinstance(params, Namespace) else params)
        recording.log_metrics(metrics or {})

    @rank_zero_only
    @harmless(_HOOK)
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Record points; the epoch, which Lightning adds to all, only where there are others."""
        found = {name: value for name, value in metrics.items() if name != "epoch"}
        if found:
            self.begin().log_metrics(metrics, step)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Note who saves checkpoints; which of them remain shows at the end."""
        if checkpoint_callback not in self._callbacks:
            self._callbacks.append(checkpoint_callback)

    @rank_zero_only
    @harmless(_HOOK)
    def finalize(self, status: str) -> None:
        """Record checkpoints as models, and end the run if it is the logger's own.

        What a test after the training logs is added to the run that was recorded.
        """
        if self._recording is None:
            return
        if self._checkpoints is not None and not self._recording.has_ended:
            for path, label in self._remaining():
                self._recording.log_model(path, asset=self._model, label=label, message=path.name)
        ended = RunStatus.SUCCEEDED if status in ("success", "finished") else RunStatus.FAILED
        self._recording.end(ended)

    def _remaining(self) -> list[tuple[Path, str]]:
        """Return the checkpoints to record, each with what tells it from the best."""
        paths: dict[Path, str] = {}
        for callback in self._callbacks:
            best, last = callback.best_model_path, callback.last_model_path
            named = [(best, "best"), (last, "last")]
            if self._checkpoints == "all":
                kept = getattr(callback, "best_k_models", {})
                named += [(path, name_like(Path(path).stem, "checkpoint")) for path in kept]
            for path, label in named:
                if path and Path(path).exists():
                    paths.setdefault(Path(path).resolve(), label)
        return list(paths.items())
