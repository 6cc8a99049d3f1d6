"""Child processes that work beside this one: messages, errors, deaths."""

from __future__ import annotations

import os
import signal

import pytest
import worker_tasks

from omprov._workers import Workers
from omprov.errors import NotFound, StorageFull, Unavailable


def test_messages_of_one_worker_keep_their_order():
    with Workers(worker_tasks.double, 10, count=2) as workers:
        for worker in (0, 1):
            for number in range(5):
                workers.send(worker, number)
        answers = {0: [], 1: []}
        for _ in range(10):
            worker, answer = workers.receive()
            answers[worker].append(answer)
    assert answers == {0: [10, 12, 14, 16, 18], 1: [10, 12, 14, 16, 18]}


@pytest.mark.parametrize(
    "error", [NotFound("version", "a:v9", ["a:v8"]), StorageFull("no room"), ValueError("odd")]
)
def test_what_a_worker_raises_is_raised_here(error):
    with (
        pytest.raises(type(error), match=str(error).replace("?", r"\?")) as caught,
        Workers(worker_tasks.fail, error, count=1) as workers,
    ):
        workers.send(0, None)
        workers.receive()
    assert vars(caught.value) == vars(error)


def test_the_death_of_a_worker_is_told():
    with (
        pytest.raises(Unavailable, match="signal 9"),
        Workers(worker_tasks.double, 0, count=1) as workers,
    ):
        os.kill(workers._children[0].pid, signal.SIGKILL)
        workers.receive()


def test_workers_end_with_their_parent():
    workers = Workers(worker_tasks.double, 0, count=2)
    children = list(workers._children)
    workers.close()
    assert [child.returncode for child in children] == [0, 0]


def test_a_worker_is_deaf_to_the_interrupt_of_a_terminal():
    with Workers(worker_tasks.double, 0, count=1) as workers:
        assert os.getpgid(workers._children[0].pid) != os.getpgid(0)
