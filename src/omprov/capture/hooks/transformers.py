"""Hugging Face transformers: a callback for `Trainer`.

::

    from omprov.capture.hooks.transformers import OmprovCallback

    trainer = Trainer(..., callbacks=[OmprovCallback()])
"""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers.trainer_callback import TrainerCallback

from omprov.errors import Unavailable

from ._harmless import harmless, say_once
from ._recordings import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers.trainer_callback import TrainerControl, TrainerState
    from transformers.training_args import TrainingArguments

_HOOK = "transformers"
_PLACES = frozenset({"output_dir", "logging_dir", "run_name", "report_to", "local_rank"})
"""Arguments that say where a training runs and what it is called, not how it goes."""
_NOT_THE_MODEL = ("optimizer", "scheduler", "scaler", "rng_state", "training_args", "trainer_state")
FOLDER = "omprov-model"
"""Below the output folder: the files of the model that was recorded, as hard links."""


class OmprovCallback(TrainerCallback):
    """Records arguments, the model's configuration, logs, and the best or final model.

    Only the world's process zero records anything. A run of the callback's own ends when the
    training does; what an evaluation logs later is added to it.
    """

    def __init__(
        self,
        name: str = "transformers",
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
        self._name = name
        self._model = model
        self._tags = dict(tags or {})
        self._log_model = log_model
        self._recording: Recording | None = None

    @harmless(_HOOK)
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Begin: arguments, configuration, fingerprints of the data."""
        del control
        if not state.is_world_process_zero:
            return
        if self._recording is None or self._recording.has_ended:
            self._recording = Recording.begin(self._name, self._tags)
        config = getattr(more.get("model"), "config", None)
        self._recording.log_params(_how(args))
        if config is not None:
            self._recording.log_params({"model": config.to_dict()})
        self._recording.set_tags(_fingerprints(more))

    @harmless(_HOOK)
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Record what the trainer logs, by its global step."""
        del args, control, more
        if state.is_world_process_zero and self._recording is not None:
            self._recording.log_metrics(logs or {}, state.global_step)

    @harmless(_HOOK)
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Record the model, and end a run of our own."""
        del control
        recording = self._recording
        if not state.is_world_process_zero or recording is None:
            return
        recording.set_tags({"best_metric": state.best_metric, "epochs": state.epoch})
        if self._log_model:
            try:
                found = _model_files(args, state, more.get("model"))
                recording.log_model(found, asset=self._model, message=f"step {state.global_step}")
            except Exception as error:  # noqa: BLE001  the run is worth recording without it
                say_once(_HOOK, "the model", error)
        recording.end()


def _how(args: TrainingArguments) -> dict[str, Any]:
    """Return the arguments that say how a training goes; tokens are not among them."""
    return {
        name: value
        for name, value in args.to_sanitized_dict().items()
        if name not in _PLACES and not name.endswith("token") and not name.startswith("hub_")
    }


def _fingerprints(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `datasets` knows the data by: its contents and all that was done to them."""
    tags = {}
    for place in ("train", "eval"):
        data = getattr(more.get(f"{place}_dataloader"), "dataset", None)
        tags[f"{place}.fingerprint"] = getattr(data, "_fingerprint", None)
    return tags


def _model_files(args: TrainingArguments, state: TrainerState, model: Any) -> Path:
    """Return a folder with the files of the best model, or else of the final one.

    Where there is a checkpoint of it, its files are linked there, so that they take up no room and
    stay when the checkpoint goes. Else the model is saved there.

    Raises:
        Unavailable: the model lies in parts on several devices, and there is no checkpoint of it.
    """
    output = Path(str(args.output_dir))
    folder = _new_folder(output)
    final = output / f"checkpoint-{state.global_step}"
    best = Path(state.best_model_checkpoint) if state.best_model_checkpoint else final
    chosen = next((path for path in (best, final) if path.is_dir()), None)
    if chosen is not None and _link_model(chosen, folder):
        return folder
    if getattr(args, "fsdp", None) or getattr(args, "deepspeed", None):
        raise Unavailable(
            "the model is in parts, and no checkpoint holds it whole; save one at the end"
        )
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    return folder


def _new_folder(output: Path) -> Path:
    """Return a folder to make, which no run that may still be open has named as its output.

    What an earlier process left there is removed.
    """
    for number in count(1):
        folder = (output / (FOLDER if number == 1 else f"{FOLDER}-{number}")).resolve()
        if folder not in _in_use:
            break
    _in_use.add(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return folder


_in_use: set[Path] = set()


def _link_model(checkpoint: Path, folder: Path) -> bool:
    """Link the files of a checkpoint that are the model's; tell whether there are weights."""
    files = [
        path
        for path in checkpoint.iterdir()
        if path.is_file() and not path.name.startswith(_NOT_THE_MODEL)
    ]
    if not any(path.suffix in (".safetensors", ".bin") for path in files):
        return False
    folder.mkdir(parents=True)
    for path in files:
        try:
            os.link(path, folder / path.name)
        except OSError:  # a file system without links
            shutil.copyfile(path, folder / path.name)
    return True
