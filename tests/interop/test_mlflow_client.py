"""MLflow's real client against a repository: tracking, artifacts, registry, search, lineage."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow_served import open_new, serving

from omprov.records import RunStatus
from omprov.repository import CommitVersion

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the client and the libraries that it draws in
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("mlflow.pyfunc")
    from mlflow import MlflowClient, MlflowException
    from mlflow.entities import LoggedModelInput, Metric, Param, RunTag, ViewType

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    with open_new(tmp_path_factory.mktemp("client")) as opened:
        opened.add_project("vision")
        yield opened


@pytest.fixture(scope="module")
def url(repository):
    with serving(repository) as address:
        mlflow.set_tracking_uri(address)
        mlflow.set_registry_uri(address)
        yield address
        mlflow.end_run()


@pytest.fixture
def client(url):
    return MlflowClient(url, url)


def omprov_run(repository, run_id):
    return repository.get_run(
        "-".join((run_id[:8], run_id[8:12], run_id[12:16], run_id[16:20], run_id[20:]))
    )


def model_folder(folder, text):
    folder.mkdir()
    (folder / "MLmodel").write_text(f"flavors: {{python_function: {{}}}}\n# {text}\n")
    (folder / "weights.txt").write_text(text)
    return str(folder)


class Doubling(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * value for value in model_input["x"]]


def test_a_session_of_tracking(client, repository, tmp_path):
    mlflow.set_experiment("tracking")
    with mlflow.start_run(run_name="outer", tags={"team": "a"}) as outer:
        mlflow.log_params({"lr": 0.1, "layers": [1, 2]})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"acc": 0.5, "f1": float("nan")})
        mlflow.set_tags({"note": "x" * 4000, "ключ": "значение"})
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": 1}, "b.json")
        big = tmp_path / "big.bin"
        big.write_bytes(os.urandom(5_000_000))
        mlflow.log_artifact(str(big), "data")
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("loss", 3)
    run = client.get_run(outer.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "layers": "[1, 2]"}
    assert run.data.metrics["loss"] == 0.2
    assert run.data.metrics["f1"] != run.data.metrics["f1"]
    assert run.data.tags["ключ"] == "значение"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == [
        "b.json",
        "data",
        "notes",
    ]
    copy = client.download_artifacts(run.info.run_id, "data/big.bin", str(tmp_path))
    assert Path(copy).read_bytes() == big.read_bytes()
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt") == "hello"
    known = omprov_run(repository, run.info.run_id)
    assert (known.name, known.status) == ("outer", RunStatus.SUCCEEDED)
    assert known.params == run.data.params
    assert {str(version.asset) for version in known.inputs.values()} >= {"params/outer"}
    assert omprov_run(repository, inner.info.run_id).parent == known.id
    tree = repository.content.tree(known.files["files"])
    assert tree.open("notes/a.txt").read() == b"hello"
    with pytest.raises(MlflowException, match="Changing param values"):
        client.log_param(run.info.run_id, "lr", "0.2")


def test_a_batch_and_what_is_taken_back(client):
    experiment = client.create_experiment("batches", tags={"a": "b"})
    run = client.create_run(experiment, tags={"t": "1"}).info.run_id
    client.log_batch(
        run,
        metrics=[Metric("m", float(i), 1000 + i, i) for i in range(1000)],
        params=[],
        tags=[],
    )
    client.log_batch(run, params=[Param(f"p{i}", str(i)) for i in range(100)])
    client.log_batch(run, tags=[RunTag("u", "2")])
    client.delete_tag(run, "t")
    found = client.get_run(run)
    assert len(found.data.params) == 100
    assert ("t" in found.data.tags, found.data.tags["u"]) == (False, "2")
    assert len(client.get_metric_history(run, "m")) == 1000
    client.set_terminated(run, "KILLED")
    assert client.get_run(run).info.status == "KILLED"
    client.rename_experiment(experiment, "renamed")
    client.set_experiment_tag(experiment, "c", "d")
    assert client.get_experiment(experiment).tags == {"a": "b", "c": "d"}
    assert client.get_experiment_by_name("batches") is None
    names = [one.name for one in client.search_experiments(filter_string="tags.c = 'd'")]
    assert names == ["renamed"]
    client.delete_experiment(experiment)
    assert [one.name for one in client.search_experiments(ViewType.DELETED_ONLY)] == ["renamed"]
    client.restore_experiment(experiment)


def test_runs_are_searched(client):
    experiment = client.create_experiment("searching")
    for place in range(6):
        run = client.create_run(experiment, run_name=f"r{place}", start_time=1000 + place)
        client.log_metric(run.info.run_id, "acc", place / 10)
        client.log_param(run.info.run_id, "opt", "sgd" if place % 2 else "adam")
        client.set_tag(run.info.run_id, "my tag", f"v{place}")

    def names(text="", order=None):
        found = client.search_runs([experiment], text, order_by=order)
        return [run.info.run_name for run in found]

    assert names() == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert names("metrics.acc >= 0.3 and params.opt = 'sgd'") == ["r5", "r3"]
    assert names("tags.`my tag` LIKE 'v%'", ["metrics.acc ASC"])[:2] == ["r0", "r1"]
    assert names("attributes.run_name ILIKE 'R1' AND status = 'RUNNING'") == ["r1"]
    assert names("start_time > 1003") == ["r5", "r4"]
    assert names("params.none IS NULL and metrics.acc < 0.15") == ["r1", "r0"]
    page = client.search_runs([experiment], max_results=4)
    assert len(client.search_runs([experiment], max_results=4, page_token=page.token)) == 2
    table = mlflow.search_runs([experiment], "metrics.acc > 0.45")
    assert list(table["tags.mlflow.runName"]) == ["r5"]
    with pytest.raises(MlflowException, match="Invalid filter"):
        names("metrics.acc > 1 or metrics.acc < 0")


def test_logged_models_become_versions_with_an_inferred_graph(client, repository, tmp_path):
    mlflow.set_experiment("chain")
    made = []
    for number, rows in enumerate(("one", "two", "two")):
        with mlflow.start_run(
            tags={"mlflow.source.name": "train.py", "mlflow.source.git.commit": "a" * 40}
        ) as run:
            numpy = pytest.importorskip("numpy")
            data = mlflow.data.from_numpy(
                numpy.array([len(rows), ord(rows[0])]), name="corpus", digest=rows
            )
            mlflow.log_input(data, context="training")
            mlflow.log_param("lr", number)
            info = mlflow.pyfunc.log_model(
                name="doubling", python_model=Doubling(), pip_requirements=[]
            )
            mlflow.log_metric("score", number, model_id=info.model_id)
        made.append((run.info.run_id, info.model_id))
    versions = repository.list_versions("model/chain-doubling")[::-1]
    assert [version.message for version in versions] == [
        f"logged model {model}" for _, model in made
    ]
    run = omprov_run(repository, made[1][0])
    assert {role: str(version) for role, version in run.inputs.items()} == {
        "algorithm": "algorithm/train:v1",
        "dataset.training": "dataset/corpus:v2",
        "params": "params/chain-doubling:v2",
    }
    assert run.inputs["algorithm"].source["mlflow"] == {"commit": "a" * 40, "name": "train.py"}
    assert run.inputs["dataset.training"].source["mlflow"]["digest"] == "two"
    assert list(run.outputs.values()) == [versions[1]]
    assert repository.open_file(versions[1], "MLmodel").read().startswith(b"artifact_path")
    assert [str(edge.older) for edge in repository.inherits(versions[1])] == [str(versions[0])]
    assert [str(edge.older) for edge in repository.inherits(versions[2])] == [str(versions[1])]
    loaded = mlflow.pyfunc.load_model(f"models:/{made[1][1]}")
    assert list(loaded.predict({"x": [1, 2]})) == [2, 4]
    found = mlflow.search_logged_models(
        filter_string="name = 'doubling' and metrics.score > 0",
        order_by=[{"field_name": "metrics.score", "ascending": False}],
        output_format="list",
    )
    assert [model.model_id for model in found] == [made[2][1], made[1][1]]
    assert client.get_logged_model(made[0][1]).status == "READY"
    client.set_logged_model_tags(made[0][1], {"a": "b"})
    assert client.get_logged_model(made[0][1]).tags["a"] == "b"


def test_a_model_that_another_run_uses_is_its_base(client, repository, tmp_path):
    mlflow.set_experiment("base")
    with mlflow.start_run() as first:
        base = mlflow.pyfunc.log_model(name="net", python_model=Doubling(), pip_requirements=[])
        with mlflow.start_run(nested=True) as second:  # the first still runs: it is needed now
            client.log_inputs(second.info.run_id, models=[LoggedModelInput(base.model_id)])
            mlflow.log_param("tuned", True)
    used = omprov_run(repository, second.info.run_id).inputs["base_model"]
    assert str(used) == "model/base-net:v1"
    assert used.run == omprov_run(repository, first.info.run_id).id
    assert client.get_run(second.info.run_id).inputs.model_inputs[0].model_id == base.model_id


def test_a_session_of_the_registry(client, repository, tmp_path):
    mlflow.set_experiment("registry")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(model_folder(tmp_path / "m", "first"), "plain")
        info = mlflow.pyfunc.log_model(
            name="net", python_model=Doubling(), pip_requirements=[], registered_model_name="My Net"
        )
    assert int(info.registered_model_version) == 1
    second = mlflow.register_model(f"models:/{info.model_id}", "My Net", tags={"by": "hand"})
    assert (second.version, second.run_id) == ("2", run.info.run_id)
    third = client.create_model_version(
        "My Net", f"{run.info.artifact_uri}/plain", run.info.run_id, description="d"
    )
    assert third.description == "d"
    versions = repository.list_versions("model/my-net")[::-1]
    assert [version.number for version in versions] == [1, 2, 3]
    assert repository.open_file(versions[2], "weights.txt").read() == b"first"
    assert versions[0].digest == versions[1].digest
    assert {version.run for version in versions} == {omprov_run(repository, run.info.run_id).id}

    client.set_registered_model_alias("My Net", "Champion", "2")
    assert repository.get_version("model/my-net:champion") == repository.get_version(
        "model/my-net:v2"
    )
    assert client.get_model_version_by_alias("My Net", "champion").version == "2"
    assert client.get_registered_model("My Net").aliases == {"champion": "2"}
    loaded = mlflow.pyfunc.load_model("models:/My Net@champion")
    assert list(loaded.predict({"x": [3]})) == [6]
    client.delete_registered_model_alias("My Net", "Champion")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version_by_alias("My Net", "champion")

    client.transition_model_version_stage("My Net", "1", "Staging")
    client.transition_model_version_stage("My Net", "2", "Staging", archive_existing_versions=True)
    assert client.get_model_version("My Net", "1").current_stage == "Archived"
    assert [one.version for one in client.get_latest_versions("My Net", ["Staging"])] == ["2"]

    copied = client.copy_model_version("models:/My Net/2", "Copied Net")
    assert copied.version == "1"
    copy = repository.get_version("model/copied-net:v1")
    assert copy.digest == versions[1].digest
    folder = mlflow.artifacts.download_artifacts(
        "models:/Copied Net/1", dst_path=str(tmp_path / "d")
    )
    assert (tmp_path / "d" / "MLmodel").exists(), folder

    client.update_registered_model("My Net", "what it is")
    client.set_registered_model_tag("My Net", "task", "double")
    client.set_model_version_tag("My Net", "2", "ok", "yes")
    client.update_model_version("My Net", "2", "the second")
    found = client.search_registered_models("name LIKE 'My%' and tag.task = 'double'")
    assert [(one.name, one.description) for one in found] == [("My Net", "what it is")]
    assert client.search_registered_models("tag.task != 'double'")[0].name == "Copied Net"
    found = client.search_model_versions("name = 'My Net'", order_by=["version_number ASC"])
    assert [one.version for one in found] == ["1", "2", "3"]
    assert [one.version for one in client.search_model_versions("tag.ok = 'yes'")] == ["2"]
    by_run = client.search_model_versions(f"run_id = '{run.info.run_id}' and name = 'My Net'")
    assert len(by_run) == 3

    client.delete_model_version("My Net", "3")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version("My Net", "3")
    client.rename_registered_model("My Net", "Our Net")
    assert client.get_registered_model("Our Net").tags == {"task": "double"}
    with pytest.raises(MlflowException, match="already exists"):
        client.create_registered_model("Our Net")
    client.delete_registered_model("Our Net")
    assert client.create_registered_model("Our Net").name == "Our Net"
    assert client.search_model_versions("name = 'Our Net'") == []


def test_a_commit_that_is_known_is_its_version(client, repository, tmp_path):
    (tmp_path / "train.py").write_text("print(1)\n")
    commit, content = "c" * 40, repository.content.put_tree(tmp_path)
    version = CommitVersion(commit, content, {}, "message", "ann", datetime.now(UTC))
    repository.add_commits("algorithm/trainer", [version], {commit: commit}, {})
    run = client.create_run(
        "0", tags={"mlflow.source.git.commit": commit, "mlflow.source.name": "x.py"}
    )
    client.set_terminated(run.info.run_id)
    used = omprov_run(repository, run.info.run_id).inputs["algorithm"]
    assert str(used) == "algorithm/trainer:v1"


def test_a_project_has_its_own_address(url, repository):
    there = MlflowClient(f"{url}/mlflow/vision", f"{url}/mlflow/vision")
    run = there.create_run("0")
    there.log_text(run.info.run_id, "seen", "a.txt")
    there.create_registered_model("seen")
    there.set_terminated(run.info.run_id)
    assert [file.path for file in there.list_artifacts(run.info.run_id)] == ["a.txt"]
    assert omprov_run(repository, run.info.run_id).project == "vision"
    assert str(repository.get_asset("vision/model/seen").name) == "vision/model/seen"
    with pytest.raises(MlflowException, match="not found"):
        MlflowClient(url).get_run(run.info.run_id)


def test_traces_are_kept(client):
    mlflow.set_experiment("tracing")
    with mlflow.start_span(name="outer") as span:
        span.set_inputs({"q": 1})
        with mlflow.start_span(name="inner"):
            pass
    mlflow.flush_trace_async_logging()
    (trace,) = client.search_traces(
        experiment_ids=[client.get_experiment_by_name("tracing").experiment_id]
    )
    assert [one.name for one in trace.data.spans] == ["outer", "inner"]
    client.set_trace_tag(trace.info.trace_id, "k", "v")
    assert client.get_trace(trace.info.trace_id).info.tags["k"] == "v"


def test_the_command_line_of_mlflow(url):
    found = subprocess.run(
        [sys.executable, "-m", "mlflow", "experiments", "search"],
        env={**os.environ, "MLFLOW_TRACKING_URI": url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Default" in found.stdout
