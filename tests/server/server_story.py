"""A small story that servers are asked about, and a clock that ticks by the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omprov.repository import Output, Repository


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.step = timedelta(seconds=1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def tell_story(repository: Repository) -> None:
    """Two states of data, and a model of each."""
    repository.add_version("dataset/digits", {"a.csv": b"1,2\n", "b.csv": b"3\n"}, message="first")
    train(repository, 0.1)
    repository.add_version("dataset/digits", {"a.csv": b"1,2\n9,9\n", "b.csv": b"3\n"})
    train(repository, 0.2)
    repository.set_alias("model/net:v1", "best")
    repository.set_tags("dataset/digits:v1", {"checked": "yes"})


def train(repository: Repository, lr: float) -> None:
    repository.record_run(
        inputs={"dataset": "dataset/digits"},
        outputs={"model": Output("model/net", {"w.bin": bytes(str(lr), "ascii")})},
        name="train",
        params={"lr": lr},
        metrics={"accuracy": lr, "loss": float("nan")},
        command=["python", "train.py"],
    )
