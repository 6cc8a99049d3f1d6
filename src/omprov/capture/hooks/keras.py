"""Keras 3, with any of its back ends: a callback for `fit`.

::

    from omprov.capture.hooks.keras import OmprovCallback

    model.fit(..., callbacks=[OmprovCallback()])
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from ._harmless import harmless
from ._recordings import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOOK = "Keras"
_WEIGHTS, _MODEL = "weights.npz", "model.json"


class OmprovCallback(keras.callbacks.Callback):
    """Records how a model is trained, the metrics of each epoch, and the model.

    A run of the callback's own ends when the training does.
    """

    def __init__(
        self,
        name: str = "keras",
        *,
        model: str | None = None,
        tags: Mapping[str, str] | None = None,
        log_model: bool = True,
    ) -> None:
        """Make a callback.

        Args:
            name: of the run, where none is active.
            model: whose version the model becomes; else ``model/RUN``.
            tags: of the run, where none is active.
            log_model: record the model at the end.
        """
        super().__init__()
        self._name = name
        self._asset = model
        self._tags = dict(tags or {})
        self._log_model = log_model
        self._recording: Recording | None = None

    @harmless(_HOOK)
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Begin: how the model is trained."""
        del logs
        if self._recording is None or self._recording.has_ended:
            self._recording = Recording.begin(self._name, self._tags)
        self._recording.log_params(self._how())

    def _how(self) -> dict[str, Any]:
        optimizer = getattr(self.model, "optimizer", None)
        config = {} if optimizer is None else optimizer.get_config()
        return {
            "epochs": self.params.get("epochs"),
            "steps": self.params.get("steps"),
            "optimizer": config,
            "loss": getattr(self.model, "loss", None),
            "parameters": self.model.count_params() if self.model.built else None,
            "backend": keras.backend.backend(),
        }

    @harmless(_HOOK)
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the metrics of an epoch."""
        if self._recording is not None:
            self._recording.log_metrics(logs or {}, epoch)

    @harmless(_HOOK)
    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record the model, and end a run of our own."""
        del logs
        if self._recording is None:
            return
        try:
            if self._log_model:
                self._recording.log_model(model_files(self.model), asset=self._asset)
        finally:
            self._recording.end()


def model_files(model: keras.Model) -> dict[str, bytes]:
    """Return a model as files that are the same for the same model, and are no pickles.

    ``weights.npz`` holds the arrays by their places in the model, ``model.json`` how it is built,
    if it can tell (models made by subclassing need a ``get_config``). A ``.keras`` file holds the
    time at which it was saved, so no two of them are equal.
    """
    buffer = io.BytesIO()
    arrays = {f"{at:04}/{one.name}": _array(one) for at, one in enumerate(model.weights)}
    np.savez(buffer, **arrays)
    files = {_WEIGHTS: buffer.getvalue()}
    try:
        files[_MODEL] = model.to_json().encode()
    except (NotImplementedError, TypeError, ValueError):
        return files
    return files


def load_model(folder: str | Path, custom_objects: Mapping[str, Any] | None = None) -> keras.Model:
    """Build the model that `model_files` gave; executes nothing from the files.

    Args:
        folder: where they are, for instance ``run.use("model/net").path``.
        custom_objects: name → class of what is not part of Keras.
    """
    place = Path(folder)
    text = (place / _MODEL).read_text(encoding="utf-8")
    model = keras.models.model_from_json(text, custom_objects=dict(custom_objects or {}))
    with np.load(place / _WEIGHTS, allow_pickle=False) as arrays:
        model.set_weights([arrays[name] for name in sorted(arrays.files)])
    return model


def _array(variable: Any) -> Any:
    """Return the numbers of a variable in a type that every NumPy has, without loss."""
    array = keras.ops.convert_to_numpy(variable)
    is_foreign = array.dtype.kind == "V" or array.dtype.name == "bfloat16"
    return array.astype(np.float32) if is_foreign else array
