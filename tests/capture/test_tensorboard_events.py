"""Event files are read as TensorBoard reads them, whatever wrote them and wherever they end."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._tensorboard._events import is_event_file, read_events, read_file
from omprov.capture._tensorboard._records import iter_records, masked_crc32c

LOGS = Path(__file__).parent / "fixtures" / "logs"
BEGIN = 1_750_000_000
BASELINE = next((LOGS / "baseline").glob("*tfevents*"))


def framed(content: bytes) -> bytes:
    head = struct.pack("<Q", len(content))
    crcs = [struct.pack("<I", masked_crc32c(part)) for part in (head, content)]
    return head + crcs[0] + content + crcs[1]


def test_the_checksum_is_crc32c():
    unmasked = (masked_crc32c(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF
    assert (
        unmasked >> 17 | unmasked << 15
    ) & 0xFFFFFFFF == 0xE3069283  # the check value of CRC-32C


def test_scalars_in_old_and_new_style_are_points():
    points = list(read_events(BASELINE))
    assert [p for p in points if p.tag == "loss"] == [
        ("loss", step, BEGIN + 100 + step, pytest.approx(1 / (step + 1), rel=1e-6))
        for step in range(5)
    ]
    assert [p for p in points if p.tag != "loss"] == [
        ("tensor", 7, BEGIN + 110, 0.25),
        ("double", 8, BEGIN + 111, 0.1),  # all of its bits
    ]


def test_texts_histograms_and_pictures_are_no_points_but_count_as_logged():
    found = read_file(BASELINE)
    assert found.records == 5 + 2 + 3 + 0
    assert found.size == BASELINE.stat().st_size


def test_nan_and_negative_steps_are_kept():
    (point,) = read_events(next((LOGS / "deep" / "er").glob("*")))
    assert math.isnan(point.value)
    assert point.step == -1


def test_hyperparameters_are_read():
    found = read_file(next((LOGS / "baseline" / "1750000200").glob("*")))
    assert found.hparams.params == {"lr": 0.1, "layers": 3, "act": "relu"}
    assert [(p.tag, p.value) for p in found.points] == [("accuracy", pytest.approx(0.9))]


@pytest.mark.parametrize("lost", [1, 4, 5, 11, 40])
def test_a_file_that_ends_within_a_record_is_read_up_to_it_and_later_on_from_there(tmp_path, lost):
    whole = BASELINE.read_bytes()
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(whole[:-lost])
    before = read_file(path)
    assert before.size <= len(whole) - lost
    path.write_bytes(whole)
    after = read_file(path, before.size)
    assert after.size == len(whole)
    assert before.points + after.points == read_file(BASELINE).points
    assert before.records + after.records == read_file(BASELINE).records


@given(data=st.data())
def test_reading_ends_at_damage_and_never_raises(tmp_path_factory, data):
    whole = bytearray(BASELINE.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "events.tfevents"
    path.write_bytes(whole)
    points, good = read_file(path).points, read_file(BASELINE).points
    assert points == good[: len(points)]


@given(content=st.binary(max_size=200))
def test_any_content_of_a_record_is_read_or_left(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "events.tfevents"
    path.write_bytes(framed(content))
    with path.open("rb") as file:
        assert [record.content for record in iter_records(file)] == [content]
    read_file(path)


def test_what_is_no_event_file_has_no_points(tmp_path):
    path = tmp_path / "notes.tfevents.txt"
    path.write_text("not at all" * 100)
    assert list(read_events(path)) == []
    assert is_event_file(path)
    assert not is_event_file("events.txt")


def oracle(path):
    """Read scalars with TensorBoard's own reader."""
    pytest.importorskip("tensorboard", reason="the oracle; pip install 'omprov[frameworks]'")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    return [
        (value.tag, event.step, event.wall_time, float(tensor_util.make_ndarray(value.tensor)))
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "scalars"
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_the_same(tmp_path):
    for path in sorted(LOGS.rglob("*tfevents*")):
        assert str(oracle(path)) == str([tuple(point) for point in read_events(path)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("home", ["torch.utils.tensorboard", "tensorboardX"])
def test_what_real_writers_write_is_read_as_tensorboard_reads_it(tmp_path, home):
    reason = "a real writer; pip install 'omprov[frameworks]'"
    writers = pytest.importorskip(home, reason=reason)
    with writers.SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate([1.0, -0.0, 1e30, math.inf, -math.inf, 1e-40]):
            writer.add_scalar("train/loss", value, step * 10**9)
        writer.add_scalars("both", {"a": 1, "b": 2}, 3)
        writer.add_text("text", "words", 1)
    paths = sorted(tmp_path.rglob("*tfevents*"))
    assert len(paths) == 3
    for path in paths:
        assert oracle(path) == [tuple(point) for point in read_events(path)]
    assert len(list(read_events(paths[-1]))) + len(list(read_events(paths[0]))) >= 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("dtype", "field", "values"),
    [
        ("DT_FLOAT", "float_val", [0.5]),
        ("DT_DOUBLE", "double_val", [0.1]),
        ("DT_INT32", "int_val", [-7]),
        ("DT_INT64", "int64_val", [-(2**40)]),
        ("DT_BOOL", "bool_val", [True]),
        ("DT_HALF", "half_val", [0x3E00]),
        ("DT_BFLOAT16", "half_val", [0x3FC0]),
        ("DT_UINT32", "uint32_val", [2**31]),
    ],
)
def test_scalars_of_every_type_are_numbers(tmp_path, dtype, field, values):
    reason = "the oracle; pip install 'omprov[frameworks]'"
    pytest.importorskip("tensorboard", reason=reason)
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    event = Event(step=1, wall_time=2.0)
    value = event.summary.value.add(tag="t")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.CopyFrom(TensorProto(dtype=dtype, **{field: values}))
    path = tmp_path / "tfevents"
    path.write_bytes(framed(event.SerializeToString()))
    ((_, _, _, found),) = read_events(path)
    expected = 1.5 if field == "half_val" else float(values[0])
    assert found == expected
