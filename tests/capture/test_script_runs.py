"""Runs that scripts tell of: real processes, journals, and what reaches the repository."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from omprov.capture import sync_runs
from omprov.records import RunStatus
from omprov.repository import Repository


class Scripts:
    """Runs scripts beside one repository, each in a process of its own."""

    def __init__(self, folder, repository):
        self.folder = folder
        self.repository = repository

    def start(self, text, **environment):
        path = self.folder / f"script{random.randrange(1 << 40)}.py"
        path.write_text(textwrap.dedent(text))
        given = {**os.environ, "OMPROV_URL": str(self.repository.path), **environment}
        given.setdefault("XDG_STATE_HOME", str(self.folder / "state"))
        return subprocess.Popen(
            [sys.executable, path],
            env=given,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, text, **environment):
        process = self.start(text, **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert err == "", err
        return out

    def runs(self):
        return self.repository.list_runs(limit=None)

    def waiting(self):
        return [one.name for one in (self.repository.path / "journal").glob("*")]


@pytest.fixture
def scripts(tmp_path, repository):
    return Scripts(tmp_path, repository)


def test_a_script_s_run_is_delivered_before_its_process_ends(scripts):
    out = scripts.run(
        """
        import omprov
        with omprov.start_run("train", params={"lr": 0.1}, tags={"a": "b"}) as run:
            for step in range(1000):
                run.log_metric("loss", 1 / (step + 1), step=step)
            run.log_output("model/m", {"w": b"42"})
        print(run.id)
        """
    )
    (run,) = scripts.runs()
    assert run.id == out.strip()
    assert (run.name, run.status, run.params, run.tags) == (
        "train",
        "succeeded",
        {"lr": 0.1},
        {"a": "b"},
    )
    assert [point.step for point in scripts.repository.metric_points(run.id, "loss")] == [
        *range(1000)
    ]
    assert {role: str(v) for role, v in run.outputs.items()} == {"model": "model/m:v1"}
    assert scripts.waiting() == []


def test_a_run_that_nobody_finishes_ends_with_its_process(scripts):
    scripts.run("import omprov; omprov.start_run('a').log_params({'x': 1})")
    process = scripts.start("import omprov; omprov.start_run('b'); 1 / 0")
    assert "ZeroDivisionError" in process.communicate()[1]
    assert [(run.name, run.status) for run in scripts.runs()] == [
        ("b", "failed"),
        ("a", "succeeded"),
    ]


def test_exit_statuses_say_how_a_block_ended(scripts):
    for code in ("0", "None", "3", "'gone wrong'"):
        process = scripts.start(
            f"import omprov, sys\nwith omprov.start_run({code!r}):\n    sys.exit({code})"
        )
        process.communicate()
    assert {run.name: run.status for run in scripts.runs()} == {
        "0": "succeeded",
        "None": "succeeded",
        "3": "failed",
        "'gone wrong'": "failed",
    }


def test_a_killed_run_is_marked_by_the_next_who_looks(scripts):
    process = scripts.start(
        """
        import omprov, os, signal
        run = omprov.start_run("train", params={"lr": 1})
        run.log_metric("loss", 0.5)
        run.log_output("model/m", {"w": b"42"})
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    process.communicate()
    synced = sync_runs(scripts.repository)
    (run,) = scripts.runs()
    assert [one.id for one in synced.delivered] == [run.id]
    assert (run.status, run.metrics, run.params) == ("killed", {"loss": 0.5}, {"lr": 1})
    assert str(run.outputs["model"]) == "model/m:v1"
    assert run.ended >= run.started
    assert scripts.waiting() == []
    assert sync_runs(scripts.repository).delivered == ()


def test_a_run_that_runs_is_seen_and_left_alone(scripts):
    process = scripts.start(
        """
        import omprov, signal
        with omprov.start_run("train") as run:
            run.log_metric("loss", 0.5)
            print("ready", flush=True)
            signal.pause()
        """,
    )
    assert process.stdout.readline() == "ready\n"
    synced = sync_runs(scripts.repository)
    assert synced.running == 1
    (run,) = scripts.runs()
    assert (run.status, run.metrics) == (RunStatus.RUNNING, {"loss": 0.5})
    process.terminate()
    process.communicate()
    (run,) = sync_runs(scripts.repository).delivered
    assert run.status == "killed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_acknowledged_record_arrives_exactly_once_however_it_is_killed(scripts, seed):
    chance = random.Random(seed)
    for _ in range(6):
        process = scripts.start(
            """
            import omprov, os
            run = omprov.start_run("train")
            step = 0
            while True:
                run.log_metric("loss", step, step=step)
                os.write(1, b"%d\\n" % step)
                step += 1
            """
        )
        said = 0
        for _ in range(chance.randrange(1, 40_000)):
            said = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        whole = [line for line in process.stdout if line.endswith("\n")]
        said = int(whole[-1]) if whole else said
        process.communicate()
        # two look at once, as two commands would
        with Repository.open(
            scripts.repository.path, who="bob", clock=scripts.repository._clock
        ) as other:
            sync_runs(other)
        sync_runs(scripts.repository)
        run = scripts.runs()[0]
        steps = [point.step for point in scripts.repository.metric_points(run.id, "loss")]
        assert steps == list(range(len(steps)))
        assert len(steps) - 1 in {said, said + 1}
        assert run.status == "killed"
        assert scripts.waiting() == []


@pytest.mark.slow
def test_whoever_delivers_may_be_killed_too(scripts):
    chance = random.Random(7)
    process = scripts.start(
        """
        import omprov, os, signal
        run = omprov.start_run("train")
        for step in range(300_000):
            run.log_metric("loss", step, step=step)
        run.log_output("model/m", {"w": b"1"})
        run.finish()
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    process.communicate()
    for _ in range(12):
        deliverer = scripts.start(
            """
            import omprov
            from omprov.capture import sync_runs
            print("ready", flush=True)
            with omprov.connect() as repository:
                sync_runs(repository)
            """
        )
        deliverer.stdout.readline()
        try:
            deliverer.wait(timeout=chance.uniform(0.05, 1.5))
        except subprocess.TimeoutExpired:
            deliverer.kill()
        deliverer.communicate()
    sync_runs(scripts.repository)
    (run,) = scripts.runs()
    steps = [point.step for point in scripts.repository.metric_points(run.id, "loss")]
    assert steps == list(range(300_000))
    assert run.status == "succeeded"
    assert {role: str(v) for role, v in run.outputs.items()} == {"model": "model/m:v1"}
    assert scripts.waiting() == []


def test_nested_runs_and_calls_of_functions(scripts):
    scripts.run(
        """
        import omprov
        @omprov.run
        def step(lr, model, depth=3):
            omprov.active_run().log_metric("loss", lr)
            return lr
        with omprov.start_run("outer") as outer:
            assert step(0.5, object()) == 0.5
            assert omprov.active_run() is outer
            with omprov.start_run("inner") as inner:
                assert omprov.active_run() is inner
        assert omprov.active_run() is None
        omprov.run(name="named")(lambda: None)()
        """
    )
    runs = {run.name: run for run in scripts.runs()}
    outer = runs.pop("outer")
    assert runs.keys() == {"step", "inner", "named"}
    assert {name: run.parent for name, run in runs.items()} == {
        "step": outer.id,
        "inner": outer.id,
        "named": None,
    }
    assert runs["step"].params == {"lr": 0.5, "depth": 3}
    assert runs["step"].metrics == {"loss": 0.5}


def test_a_run_goes_on_in_another_process(scripts):
    id_ = scripts.run(
        """
        import omprov
        with omprov.start_run("train", params={"lr": 1}) as run:
            run.log_metric("loss", 1, step=1)
        print(run.id)
        """
    ).strip()
    scripts.run(
        f"""
        import omprov
        with omprov.start_run(id="{id_}", params={{"more": 2}}) as run:
            run.log_metric("loss", 0.5, step=2)
            assert run.id == "{id_}"
        """
    )
    (run,) = scripts.runs()
    assert (run.name, run.status, run.params) == ("train", "succeeded", {"lr": 1, "more": 2})
    assert run.metrics == {"loss": 0.5}
    process = scripts.start("import omprov; omprov.start_run(id='no')")
    assert "no run" in process.communicate()[1]


def test_children_of_forks_and_threads_log_into_the_same_run(scripts):
    scripts.run(
        """
        import multiprocessing, threading, omprov
        def work(number):
            omprov.active_run().log_metric(f"child{number}", number)
            assert not omprov.active_run().is_owner
        with omprov.start_run("train") as run:
            run.log_metric("loss", 1)
            fork = multiprocessing.get_context("fork")
            children = [fork.Process(target=work, args=(n,)) for n in range(3)]
            for child in children: child.start()
            for child in children: child.join()
            assert all(child.exitcode == 0 for child in children)
            def log(n):
                omprov.active_run().log_metric("t", n, step=n)
            threads = [threading.Thread(target=log, args=(n,)) for n in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """
    )
    (run,) = scripts.runs()
    assert run.metrics == {"loss": 1, "child0": 0, "child1": 1, "child2": 2, "t": 3}
    assert scripts.waiting() == []


def test_a_child_process_begins_runs_of_its_own_within(scripts):
    scripts.run(
        """
        import subprocess, sys, omprov
        with omprov.start_run("sweep"):
            for n in range(2):
                code = f"import omprov; omprov.start_run('trial', params=dict(n={n}))"
                subprocess.run([sys.executable, "-c", code], check=True)
        """
    )
    runs = scripts.runs()
    sweep = next(run for run in runs if run.name == "sweep")
    assert sorted(run.params["n"] for run in runs if run.parent == sweep.id) == [0, 1]


def ranks(scripts, text, count=3, **environment):
    facts = {"WORLD_SIZE": str(count), "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    processes = [
        scripts.start(text, RANK=str(rank), LOCAL_WORLD_SIZE=str(count), **facts, **environment)
        for rank in reversed(range(count))
    ]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")


RANK = """
    import omprov, os
    with omprov.start_run("train", params={"lr": 1}) as run:
        run.log_metric("loss", float(os.environ["RANK"]), step=1)
        print(run.id)
"""


def test_the_ranks_of_a_job_are_one_run(scripts):
    ranks(scripts, RANK)
    sync_runs(scripts.repository)
    (run,) = scripts.runs()
    assert run.metrics == {"loss": 0, "rank1/loss": 1, "rank2/loss": 2}
    assert (run.status, run.params) == ("succeeded", {"lr": 1})
    assert scripts.waiting() == []


def test_ranks_that_start_two_runs_in_turn_make_two(scripts):
    ranks(
        scripts,
        """
        import omprov, os
        for fold in range(2):
            with omprov.start_run(f"fold{fold}") as run:
                run.log_metric("loss", fold)
        """,
        count=2,
    )
    sync_runs(scripts.repository)
    assert {run.name: run.metrics for run in scripts.runs()} == {
        "fold0": {"loss": 0, "rank1/loss": 0},
        "fold1": {"loss": 1, "rank1/loss": 1},
    }


def test_ranks_whose_leader_never_speaks_are_a_run_all_the_same(scripts):
    ranks(
        scripts,
        """
        import omprov, os
        if os.environ["RANK"] != "0":
            with omprov.start_run("train") as run:
                run.log_metric("loss", 1.0)
        """,
    )
    for journal in (scripts.repository.path / "journal").glob("*"):
        os.utime(journal, (1, 1))
    for _ in range(2):
        sync_runs(scripts.repository)
    (run,) = scripts.runs()
    assert run.metrics == {"rank1/loss": 1, "rank2/loss": 1}
    assert scripts.waiting() == []


def test_jobs_that_follow_one_another_are_runs_of_their_own(scripts):
    ranks(scripts, RANK, MARK="1", TORCHELASTIC_RUN_ID="a")
    ranks(scripts, RANK, MARK="2", TORCHELASTIC_RUN_ID="b")
    sync_runs(scripts.repository)
    assert len(scripts.runs()) == 2


def test_outputs_hold_what_was_there_when_they_were_logged(scripts):
    scripts.run(
        """
        import omprov, pathlib, shutil
        out = pathlib.Path("out"); out.mkdir()
        with omprov.start_run("train") as run:
            (out / "w").write_text("old"); run.log_output("model/m", out)
            (out / "w").write_text("new"); run.log_output("model/m", out)
            shutil.rmtree(out)
            run.log_text("notes", "a text"); run.log_text("notes", "later", step=3)
            run.log_table("table", [{"a": 1, "b": 2}, {"a": 3}])
        """
    )
    (run,) = scripts.runs()
    repository = scripts.repository
    assert repository.open_file(run.outputs["model"], "w").read() == b"new"
    files = repository.content.tree(run.files["files"])
    assert files.open("notes.txt").read() == b"a text"
    assert files.open("notes/00000003.txt").read() == b"later"
    assert files.open("table.csv").read() == b"a,b\r\n1,2\r\n3,\r\n"
    repository.collect(grace=timedelta(0))
    assert repository.check() == []
    assert files.open("notes.txt").read() == b"a text"


def test_a_folder_is_versioned_when_it_is_used(scripts):
    scripts.run(
        """
        import omprov, pathlib
        data = pathlib.Path("digits"); data.mkdir(); (data / "a").write_text("1")
        with omprov.start_run("train") as run:
            used = run.use(data)
            assert used.path == data and str(used.version) == "dataset/digits:v1"
        (data / "a").write_text("2")
        with omprov.start_run("train") as run:
            assert str(run.use("./digits").version) == "dataset/digits:v2"
        with omprov.start_run("train") as run:
            assert str(run.use("digits").version) == "dataset/digits:v2"
            assert (run.use("dataset/digits:v1", role="old").path / "a").read_text() == "1"
        """
    )
    assert scripts.runs()[0].inputs.keys() >= {"dataset", "old"}


def test_a_locked_repository_stops_no_training(scripts):
    with scripts.repository._writing():
        process = scripts.start(
            """
            import omprov
            with omprov.start_run("train") as run:
                for step in range(10):
                    run.log_metric("loss", step)
            print("trained")
            """
        )
        out, err = process.communicate(timeout=200)
    assert (out, process.returncode) == ("trained\n", 0)
    assert err.count("omprov sync") == 1
    assert scripts.runs() == []
    (run,) = sync_runs(scripts.repository).delivered
    assert (run.status, run.metrics) == ("succeeded", {"loss": 9})


def test_what_a_locked_repository_refused_once_is_delivered_while_the_script_goes_on(scripts):
    with scripts.repository._writing():
        process = scripts.start(
            """
            import omprov
            with omprov.start_run("train") as run:
                for step in range(1000):
                    run.log_metric("loss", step, step=step)
                input()
                run.log_metric("loss", 1000, step=1000)
            """,
        )
        assert "omprov sync" in process.stderr.readline()
    _, err = process.communicate("\n", timeout=200)
    assert (process.returncode, err) == (0, "")
    (run,) = scripts.runs()
    steps = [point.step for point in scripts.repository.metric_points(run.id, "loss")]
    assert steps == list(range(1001))
    assert (run.status, scripts.waiting()) == ("succeeded", [])


def test_a_clock_that_goes_backwards_makes_no_run_end_before_it_began(scripts):
    scripts.run(
        """
        import time, omprov
        real = time.time
        with omprov.start_run("train") as run:
            time.time = lambda: real() - 86400
            run.log_metric("loss", 1)
        """
    )
    (run,) = scripts.runs()
    assert run.ended >= run.started


def test_a_full_disk_stops_no_training_and_loses_nothing(scripts, small_disk, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(scripts.folder / "state"))
    with Repository.create(small_disk, who="ada", clock=scripts.repository._clock) as small:
        process = scripts.start(
            """
            import omprov, pathlib, sys
            full = pathlib.Path(sys.argv[0]).parent / "small-disk" / "full"
            with omprov.start_run("train") as run:
                run.log_metric("loss", 0)
                with full.open("wb", buffering=0) as file:
                    try:
                        while True: file.write(bytes(4096))
                    except OSError: pass
                for step in range(1, 5000):
                    run.log_metric("loss", step)
                run.log_output("model/m", {"w": bytes(10_000)})
            print("trained")
            """,
            OMPROV_URL=str(small.path),
        )
        out, err = process.communicate(timeout=200)
        assert (out, process.returncode) == ("trained\n", 0), err
        assert "waits in memory" in err
        assert "output model/m" in err
        (small_disk / "full").unlink()
        assert sync_runs(small).problems == ()
        (run,) = small.list_runs()
        assert [point.step for point in small.metric_points(run.id, "loss")] == [*range(5000)]
        assert run.status == "succeeded"


def test_a_repository_that_takes_nothing_at_all_is_served_from_the_user_s_own_folder(
    scripts, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(scripts.folder / "state"))
    (scripts.repository.path / "journal").write_text("a file stands in the way")
    process = scripts.start("import omprov; omprov.start_run('train', params={'x': 1})")
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0
    (scripts.repository.path / "journal").unlink()
    sync_runs(scripts.repository)
    (run,) = scripts.runs()
    assert (run.params, run.status) == ({"x": 1}, "succeeded"), err


def git(folder, *words):
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_code_flags_and_environment_are_captured_without_a_word(scripts):
    folder = scripts.folder / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text(
        "import omprov\n"
        "with omprov.start_run('train', params={'lr': 1}) as run:\n"
        "    run.log_output('model/m', {'w': b'1'})\n"
    )
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "One")
    command = [sys.executable, "train.py", "--lr", "2", "--depth", "3", "--api-token", "geheim1"]
    environment = {**os.environ, "OMPROV_URL": str(scripts.repository.path)}
    for _ in range(2):
        subprocess.run(command, cwd=folder, env=environment, check=True)
    with (folder / "train.py").open("a") as file:
        file.write("# a change that nobody committed\n")
    subprocess.run(command, cwd=folder, env=environment, check=True)
    dirty, second, first = scripts.runs()
    assert first.params == {"lr": 1, "depth": 3, "api_token": "[redacted]"}
    assert "geheim1" not in str(first)
    assert {role: str(version) for role, version in first.inputs.items()} == {
        "algorithm": "algorithm/project:v1",
        "environment": "environment/m:v1",
        "params": "params/m:v1",
    }
    assert second.inputs == first.inputs
    assert first.source["dirty"] is False
    assert dirty.source["dirty"] is True
    (edge,) = scripts.repository.inherits(dirty.inputs["algorithm"])
    assert str(edge.older) == "algorithm/project:v1"
    assert [str(e.older) for e in scripts.repository.inherits(dirty.outputs["model"])] == [
        "model/m:v2"
    ]


def test_what_a_script_names_itself_is_not_captured_beside_it(scripts):
    scripts.repository.add_version("algorithm/own", {"a.py": b"x"})
    scripts.run(
        """
        import omprov
        with omprov.start_run("train") as run:
            run.use("algorithm/own")
        """
    )
    (run,) = scripts.runs()
    assert str(run.inputs["algorithm"]) == "algorithm/own:v1"
    assert "problems" not in run.source


def test_one_run_makes_one_version_of_an_asset(scripts):
    scripts.run(
        """
        import omprov
        from omprov.errors import AlreadyExists
        with omprov.start_run("train") as run:
            run.log_output("model/m", {"w": b"1"})
            run.log_output("model/m", {"w": b"2"})
            for asset, role in (("model/m", "other"), ("model/n", "model")):
                try:
                    run.log_output(asset, {"w": b"3"}, role=role)
                except AlreadyExists:
                    pass
                else:
                    raise AssertionError(asset)
            run.log_output("model/n", {"w": b"4"}, role="other")
        """
    )
    (run,) = scripts.runs()
    assert {role: str(v) for role, v in run.outputs.items()} == {
        "model": "model/m:v1",
        "other": "model/n:v1",
    }
    assert scripts.repository.open_file(run.outputs["model"], "w").read() == b"2"
