"""A repository with something of everything, and how two are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from omprov.catalog._copied_rows import KEPT, copied_tables
from omprov.catalog.mlflow import ArtifactFile, Trace
from omprov.records import Policy, Treatment
from omprov.repository import MetricPoint, Output

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Ticking:
    """A clock that is a second later each time."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


def fill(repository):
    """Record something of everything that a repository can hold."""
    big = bytes(range(256)) * 2000
    for n in range(3):
        repository.add_version("dataset/digits", {"a.txt": b"%d\n" % n * 50, "big": big})
        repository.add_version("algorithm/net", {"net.py": b"x = %d\n" % n})
    repository.add_asset(
        "model/net", description="né 数据", policy=Policy({"params": Treatment.IGNORED})
    )
    for n in (1, 2, 3):
        at = BEGAN + timedelta(minutes=n)
        repository.record_run(
            name="train",
            inputs={"dataset": f"dataset/digits:v{n}", "algorithm": f"algorithm/net:v{n}"},
            outputs={"model": Output("model/net", {"weights": bytes([n]) * 1000})},
            params={"lr": 0.1 * n, "inf": "x"},
            metrics={"loss": 1.0 / n},
            points=[
                MetricPoint("odd", step, value, at)
                for step, value in enumerate((float("nan"), float("inf"), -1e300, 0.1 + 0.2))
            ],
            environment={"numpy": "2"},
            tags={"seed": str(n)},
        )
    repository.add_edge("dataset/digits:v3", "dataset/digits:v1", weight=2.5)
    repository.set_alias("model/net:v2", "best")
    repository.protect_alias("model/net", "best", True)
    repository.set_tags("model/net:v1", {"state": "old"})
    repository.remove_version("dataset/digits:v2")
    repository.add_project("vision")
    repository.view(who="bob", project="vision").add_version("dataset/cats", {"c": b"miau"})
    digest = repository.content.put_files({"report.html": b"<p>"}).digest
    with repository.writing_mlflow() as writer:
        writer.add_experiment("default", "first", tags={"a": "b"})
        writer.put_artifact("default", ArtifactFile("1/x/artifacts", "report.html", digest, 3))
        writer.put_trace("default", Trace("tr-1", 1, BEGAN, {"spans": ["é"]}))


def dump(repository, *, below=None):
    """Return the rows of all tables that are copied, as they are stored.

    Args:
        repository: whose.
        below: of the audit only the keys up to this one.
    """
    found = {}
    with repository._catalog._engine.connect() as connection:
        for table in copied_tables(people=False):
            rows = connection.execute(select(table)).all()
            if table.name == "audit" and below is not None:
                rows = [row for row in rows if row.key <= below]
            found[table.name] = sorted(map(repr, rows))
        assert not set(found) & set(KEPT)
    return found


def seen(repository):
    """Return what people see of it: graphs, lineage, files."""
    with repository._reading() as reader:
        position = reader.position()
        audit = reader.copy_state().audit
    assets = repository.list_assets(removed=True)
    return {
        "position": position,
        "projects": repository.list_projects(),
        "histories": [repository.history(asset.name) for asset in assets],
        "lineage": repository.lineage("model/net:v3", inherits=True),
        "runs": repository.list_runs(),
        "points": [repr(repository.metric_points(r.id, "odd")) for r in repository.list_runs()],
        "file": repository.open_file("model/net:v3", "weights").read(),
    }, audit


def assert_copied(source, copy):
    """Compare everything."""
    (of_source, audit), (of_copy, _) = seen(source), seen(copy)
    assert of_copy == of_source
    before, after = dump(source), dump(copy, below=audit)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert copy.check() == []
