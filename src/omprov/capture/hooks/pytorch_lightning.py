"""Lightning: a logger for ``pytorch_lightning``, its older package.

::

    from omprov.capture.hooks.pytorch_lightning import OmprovLogger

    trainer = Trainer(logger=OmprovLogger("train"))
"""

from __future__ import annotations

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment

from ._lightning import LightningRun


class OmprovLogger(LightningRun, Logger):
    """Records hyperparameters, metrics and checkpoints of a training with Lightning."""

    experiment = property(rank_zero_experiment(LightningRun.run))
