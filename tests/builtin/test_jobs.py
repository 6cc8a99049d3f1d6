"""The jobs of the demo: what is recorded of a training, and what a failing one says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omprov.builtin.demo import _jobs
from omprov.builtin.demo._jobs import Job, train_all
from omprov.errors import Unavailable
from omprov.repository import Repository

SCRIPT = """
import json, sys
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = Path(options["--out"])
(out / "model").mkdir(parents=True)
seen = sorted(file.name for file in Path(options["--data"]).iterdir())
(out / "model" / "seen").write_text(" ".join(seen))
(out / "metrics.json").write_text(json.dumps({"accuracy": len(seen) / 10}))
(out / "curve.jsonl").write_text("".join(
    json.dumps({"epoch": n, "loss": 1 / (n + 1), "time": "2026-01-01T00:00:00+00:00"}) + "\\n"
    for n in range(int(options["--epochs"]))
))
"""


def now():
    return datetime.now(UTC)


@pytest.fixture
def repo(tmp_path):
    with Repository.create(tmp_path, who="ada", clock=now) as repository:
        repository.add_version("algorithm/a", {"train.py": SCRIPT.encode()})
        repository.add_version("algorithm/a", {"train.py": b"raise SystemExit('no such luck')"})
        for count in (1, 2, 3):
            repository.add_version("dataset/d", {f"{n}.png": b"x%d" % n for n in range(count)})
        yield repository


def train(repo, monkeypatch, *jobs):
    monkeypatch.setattr(_jobs, "JOBS", jobs)

    def inputs_of(job):
        return {
            "algorithm": repo.get_version(f"algorithm/a:{job.code}"),
            "dataset": repo.get_version(f"dataset/d:{job.data}"),
            "dataset.test": repo.get_version("dataset/d:v1"),
        }

    return list(train_all(repo, inputs_of, repo.path.parent / "jobs", clock=now))


def test_a_training_runs_on_the_files_of_its_versions(repo, monkeypatch):
    jobs = [Job("v1", "v2"), Job("v1", "v3", {"epochs": 2}), Job("v1", "v1")]
    runs = train(repo, monkeypatch, *jobs)
    models = [run.outputs["model"] for run in runs]
    assert [str(model) for model in models] == [f"model/digits:v{n}" for n in (1, 2, 3)]
    assert [repo.open_file(model, "seen").read() for model in models] == [
        b"0.png 1.png",
        b"0.png 1.png 2.png",
        b"0.png",
    ]
    assert [run.metrics["accuracy"] for run in runs] == [0.2, 0.3, 0.1]
    assert [run.params["epochs"] for run in runs] == [20, 2, 20]
    assert runs[1].metrics["loss"] == 0.5


def test_a_training_that_fails_is_told_with_its_last_words(repo, monkeypatch):
    with pytest.raises(Unavailable, match=r"algorithm/a:v2 on dataset/d:v1 .* 1: no such luck"):
        train(repo, monkeypatch, Job("v2", "v1"))
    assert repo.list_runs() == []
