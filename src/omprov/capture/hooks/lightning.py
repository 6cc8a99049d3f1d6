"""Lightning: a logger for ``lightning.pytorch``.

::

    from omprov.capture.hooks.lightning import OmprovLogger

    trainer = Trainer(logger=OmprovLogger("train"))
"""

from __future__ import annotations

from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment

from ._lightning import LightningRun


class OmprovLogger(LightningRun, Logger):
    """Records hyperparameters, metrics and checkpoints of a training with Lightning."""

    experiment = property(rank_zero_experiment(LightningRun.run))
