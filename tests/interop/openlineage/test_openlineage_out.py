"""Our runs are told to whoever listens: events that the client's classes read, at least once."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attr
import pytest

pytest.importorskip("openlineage.client")

from lineage_serving import TOKEN, open_new, serve
from openlineage.client import event_v2

from omprov.interop.openlineage import Emitter, Receiver, emission_of, events_of
from omprov.records import RunStatus
from omprov.repository import Output

FACETS = {
    "processing_engine": ("processing_engine_run", "ProcessingEngineRunFacet"),
    "parent": ("parent_run", "ParentRunFacet"),
    "errorMessage": ("error_message_run", "ErrorMessageRunFacet"),
    "jobType": ("job_type_job", "JobTypeJobFacet"),
    "sourceCodeLocation": ("source_code_location_job", "SourceCodeLocationJobFacet"),
    "version": ("dataset_version_dataset", "DatasetVersionDatasetFacet"),
    "inputStatistics": ("input_statistics_input_dataset", "InputStatisticsInputDatasetFacet"),
    "outputStatistics": ("output_statistics_output_dataset", "OutputStatisticsOutputDatasetFacet"),
}
"""Where the client has its class of each facet."""


class Listener:
    """A server that keeps what it is sent, and answers as it is told."""

    def __init__(self):
        self.events = []
        self.keys = []
        self.answers = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 201
                outer.keys.append(self.headers.get("Authorization"))
                if status < 400:
                    outer.events.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def told(self):
        return [(one["eventType"], one["run"]["runId"]) for one in self.events]


@pytest.fixture
def listener():
    found = Listener()
    yield found
    found.stop()


def train(repository, data, code, rate, **facts):
    """Record a run that makes the next version of model/net."""
    return repository.record_run(
        name="train",
        inputs={"dataset": data, "algorithm": code},
        outputs={"model": Output("model/net", {"w": f"{data}{code}{rate}".encode()})},
        params={"lr": rate},
        metrics={"loss": rate * 2},
        **facts,
    )


def history(repository):
    """Record versions of data and code in a criss-cross, and models made of them."""
    data = [repository.add_version("dataset/digits", {"a": b"1"}, inherits=()).version]
    for at, parents in enumerate([(0,), (0,), (1, 2), (3,)], 2):
        data.append(
            repository.add_version(
                "dataset/digits",
                {"a": str(at).encode(), "b": b"x" * at},
                inherits=[data[one] for one in parents],
            ).version
        )
    code = [
        repository.add_version("algorithm/net", {"net.py": f"x = {at}\n".encode() * 3}).version
        for at in range(3)
    ]
    for used, by, rate in [(0, 0, 0.1), (1, 0, 0.2), (2, 1, 0.1), (4, 1, 0.1), (4, 2, 0.3)]:
        train(repository, data[used], code[by], rate)


def test_events_are_those_of_the_clients_classes(lineage_repository):
    data = lineage_repository.add_version("dataset/digits", {"a": b"1"}).version
    code = lineage_repository.add_version(
        "algorithm/net",
        {"net.py": b"x"},
        source={"git": {"commit": "c" * 40, "remote": "https://example.org/net"}},
    ).version
    run = train(
        lineage_repository, data, code, 0.1, status=RunStatus.FAILED, message="out of memory"
    )
    events = events_of(emission_of(lineage_repository, run, "omprov://host"))
    assert [one["eventType"] for one in events] == ["START", "FAIL"]
    for one in events:
        for part in (one["run"], one["job"], *one["inputs"], *one["outputs"]):
            check_facets(part)
        parsed = event_v2.RunEvent(
            eventTime=one["eventTime"],
            eventType=event_v2.RunState(one["eventType"]),
            run=event_v2.Run(runId=one["run"]["runId"]),
            job=event_v2.Job(namespace=one["job"]["namespace"], name=one["job"]["name"]),
            inputs=[event_v2.InputDataset(i["namespace"], i["name"]) for i in one["inputs"]],
            outputs=[event_v2.OutputDataset(i["namespace"], i["name"]) for i in one["outputs"]],
            producer=one["producer"],
        )
        assert without_release(one["schemaURL"]) == without_release(parsed.schemaURL)
        json.dumps(one, allow_nan=False)
    end = events[1]
    assert end["job"]["facets"]["sourceCodeLocation"]["version"] == "c" * 40
    assert end["run"]["facets"]["errorMessage"]["message"] == "out of memory"
    assert end["inputs"][0]["facets"]["version"]["datasetVersion"] == "v1"
    assert end["outputs"][0]["name"] == "model/net"


def check_facets(part):
    """Build each facet with the client's own class; ours have a schema."""
    facets = {
        **part.get("facets", {}),
        **part.get("inputFacets", {}),
        **part.get("outputFacets", {}),
    }
    assert facets
    for name, facet in facets.items():
        assert facet["_producer"].startswith("https://")
        assert facet["_schemaURL"].startswith("https://")
        if name.startswith("omprov_"):
            continue
        module, kind = FACETS[name]
        facet_class = getattr(
            importlib.import_module(f"openlineage.client.generated.{module}"), kind
        )
        plain = {key: value for key, value in facet.items() if not key.startswith("_")}
        built = facet_class(**plain)
        assert without_release(facet["_schemaURL"]) == without_release(facet_class._get_schema())
        assert set(plain) <= {field.name for field in attr.fields(type(built))}


def without_release(url):
    """Return the address of a schema whatever its version."""
    return re.sub(r"/\d+-\d+-\d+/", "/", url)


def test_a_copy_of_the_graph_appears_at_a_server_of_ours(tmp_path):
    with open_new(tmp_path / "a") as here, open_new(tmp_path / "b") as there:
        history(here)
        url, stop = serve(there)
        try:
            receiver = Receiver(f"{url}/openlineage", TOKEN, "omprov://a")
            told = Emitter(receiver).emit(here)
            assert (told.sent, told.refused, told.problem) == (10, 0, "")
            assert Emitter(receiver).emit(here).sent == 0
        finally:
            stop()
        copied = next(asset.name for asset in there.list_assets() if asset.name.kind == "model")
        assert edges(there, copied) == edges(here, here.get_asset("model/net").name)
        assert there.check() == []
        for run in here.list_runs():
            copy = there.find_run(run.id)
            assert (copy.params, copy.metrics) == (run.params, run.metrics)
            assert (copy.started, copy.ended, copy.status) == (run.started, run.ended, run.status)
            assert copy.inputs.keys() == run.inputs.keys()
            assert "problems" not in copy.source


def edges(repository, asset):
    """Return the inferred edges by the runs that made their ends."""
    return {
        (edge.newer.run, edge.older.run): pytest.approx(edge.weight)
        for edge in repository.history(asset).edges
    }


def test_nothing_is_lost_while_the_receiver_is_away(lineage_repository, listener):
    history(lineage_repository)
    emitter = Emitter(Receiver(listener.url, None, "omprov://a"))
    listener.answers = [201, 201, 201, 503]
    first = emitter.emit(lineage_repository)
    assert first.sent == 3
    assert "503" in first.problem
    assert emitter.emit(lineage_repository).sent == 0  # left alone for a while
    second = emitter.emit(lineage_repository, insist=True)
    assert second.problem == ""
    runs = [run.id for run in lineage_repository.list_runs()]
    assert set(listener.told) == {(kind, run) for run in runs for kind in ("START", "COMPLETE")}
    assert len(listener.told) == 11  # the run in the middle was begun anew
    assert emitter.emit(lineage_repository).sent == 0
    assert listener.keys[0] is None


def test_what_the_receiver_will_never_take_is_kept_beside(lineage_repository, listener):
    history(lineage_repository)
    listener.answers = [422]
    told = Emitter(Receiver(listener.url, "key", "omprov://a")).emit(lineage_repository)
    assert (told.sent, told.refused, told.problem) == (9, 1, "")
    [file] = (lineage_repository.path / "openlineage").glob("*.refused.jsonl")
    assert json.loads(file.read_text())["event"]["eventType"] == "START"
    assert set(listener.keys) == {"Bearer key"}


def test_time_that_runs_out_leaves_the_rest_for_later(lineage_repository, listener):
    history(lineage_repository)
    emitter = Emitter(Receiver(listener.url, None, "omprov://a"))
    assert emitter.emit(lineage_repository, seconds=0).sent == 0
    assert emitter.emit(lineage_repository).sent == 10


def test_runs_that_came_as_events_are_not_told_back(lineage_repository, listener, tmp_path):
    with open_new(tmp_path / "a") as here:
        history(here)
        url, stop = serve(lineage_repository)
        try:
            Emitter(Receiver(f"{url}/openlineage", TOKEN, "omprov://a")).emit(here)
        finally:
            stop()
    assert Emitter(Receiver(listener.url, None, "omprov://b")).emit(lineage_repository).sent == 0


SCRIPT = """
import omprov
with omprov.start_run("train", params={"lr": 0.1}) as run:
    run.log_metric("loss", float("nan"))
    run.log_output("model/net", {"w": b"1"})
"""


@pytest.mark.parametrize("is_away", [False, True])
def test_a_script_tells_of_its_run_and_sync_of_what_was_missed(tmp_path, listener, is_away):
    environment = {
        **os.environ,
        "OMPROV_OPENLINEAGE_URL": "http://127.0.0.1:9" if is_away else listener.url,
        "OMPROV_OPENLINEAGE_API_KEY": "secret",
        "OMPROV_OPENLINEAGE_NAMESPACE": "omprov://here",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    command = [sys.executable, "-c", "from omprov.cli import main; main()", "--json", "sync"]
    if is_away:
        failed = subprocess.run(
            command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )
        assert failed.returncode == 1
        assert "cannot be reached" in json.loads(failed.stdout)["problems"][0]
        environment["OMPROV_OPENLINEAGE_URL"] = listener.url
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert [kind for kind, _ in dict.fromkeys(listener.told)] == ["START", "COMPLETE"]
    assert listener.events[-1]["job"] | {"facets": {}} == {
        "namespace": "omprov://here/default",
        "name": "train",
        "facets": {},
    }
    assert set(listener.keys) == {"Bearer secret"}
