import io
import json
import math
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from omprov.diff import FolderTree, MemoryTree, compare
from omprov.diff._number_formats import as_numbers
from omprov.diff._stored_tensors import OpenFiles
from omprov.diff._torch_files import read_torch

safetensors = pytest.importorskip("safetensors.numpy")
FIXTURES = Path(__file__).parent / "fixtures"

dtypes = st.sampled_from(["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?", "c8"])
shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
tensors = dtypes.flatmap(lambda dtype: arrays.arrays(dtype, shapes))
states = st.dictionaries(st.sampled_from(["a", "b.weight", "c"]), tensors, max_size=3)


def as_tree(state, name="model.safetensors"):
    return MemoryTree({name: safetensors.save(state) if state else empty_file()})


def empty_file():
    return struct.pack("<Q", 2) + b"{}"


def npz(state, save=np.savez):
    sink = io.BytesIO()
    save(sink, **state)
    return sink.getvalue()


def distance(old, new):
    """The definition, in exact arithmetic where there is none in floats."""
    old, new = (
        list(np.asarray(side).ravel().view("f8" if side.dtype.kind == "c" else side.dtype))
        for side in (widened(old), widened(new))
    )
    pairs = [
        (a, b)
        for a, b in zip(old, new, strict=True)
        if not (a == b and math.isinf(a)) and not (math.isnan(a) and math.isnan(b))
    ]
    if any(not math.isfinite(number) for pair in pairs for number in pair):
        return 1.0
    from fractions import Fraction

    exact = [
        (
            Fraction(float(a)) if isinstance(a, float) else Fraction(int(a)),
            Fraction(float(b)) if isinstance(b, float) else Fraction(int(b)),
        )
        for a, b in pairs
    ]
    apart = root(sum((a - b) ** 2 for a, b in exact))
    whole = root(sum(a * a for a, _ in exact)) + root(sum(b * b for _, b in exact))
    return float(apart / whole) if whole else 0.0


def widened(array):
    if array.dtype.kind == "c":
        return array.astype("c16")
    return array.astype("f8") if array.dtype.kind in "f?" else array


def root(square):
    """A square root with more digits than a float has, of any size."""
    from fractions import Fraction

    square = Fraction(square)
    shift = max(0, 200 - square.numerator.bit_length() + square.denominator.bit_length())
    shift += shift % 2
    return Fraction(math.isqrt((square.numerator << shift) // square.denominator), 1 << shift // 2)


def expected(old, new):
    """amount and total, as written out in the document"""
    amount = total = 0.0
    for name in old.keys() | new.keys():
        sizes = [max(1, side[name].size) for side in (old, new) if name in side]
        total += sum(sizes)
        same = (
            name in old
            and name in new
            and (old[name].dtype == new[name].dtype and old[name].shape == new[name].shape)
        )
        amount += (distance(old[name], new[name]) if same else 1.0) * sum(sizes)
    return amount, total


@given(states, states)
def test_tensors_of_safetensors_differ_as_written_out(old, new):
    difference = compare(as_tree(old), as_tree(new), "tensors")
    if old and new:
        amount, total = expected(old, new)
        assert difference.amount == pytest.approx(amount, rel=1e-9, abs=1e-150)
        assert difference.total == total
    assert 0 <= difference.amount <= difference.total


@given(states.filter(bool), states.filter(bool), st.sampled_from([np.savez, np.savez_compressed]))
def test_arrays_of_numpy_differ_as_those_of_safetensors(old, new, save):
    files = [MemoryTree({"a.npz": npz(side, save)}) for side in (old, new)]
    there, safe = compare(*files, "tensors"), compare(as_tree(old), as_tree(new), "tensors")
    assert there.total == safe.total
    assert there.amount == pytest.approx(safe.amount, rel=1e-12)


@given(states, st.integers(1, 5))
def test_tensors_are_read_in_blocks(state, numbers):
    new = {name: array[::-1].copy() if array.ndim else array for name, array in state.items()}
    whole = compare(as_tree(state), as_tree(new), "tensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omprov.diff._stored_tensors._NUMBERS", numbers)
        blocks = compare(as_tree(state), as_tree(new), "tensors")
    assert blocks.amount == pytest.approx(whole.amount, rel=1e-12)


@given(tensors, tensors, tensors)
def test_distances_obey_the_triangle(a, b, c):
    if len({(side.dtype, side.shape) for side in (a, b, c)}) > 1:
        b, c = np.zeros_like(a), np.ones_like(a)
    if not all(np.isfinite(side).all() for side in (a, b, c)):
        return
    ab, bc, ac = (
        compare(as_tree({"x": one}), as_tree({"x": other}), "tensors").weight
        for one, other in ((a, b), (b, c), (a, c))
    )
    assert ac <= ab + bc + 1e-9


@pytest.mark.parametrize(
    ("old", "new", "weight"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([3.0, 4.0], [0.0, 0.0], 1),
        ([1.0, 1.0], [-1.0, -1.0], 1),
        ([3.0], [4.0], 1 / 7),
        ([math.nan, 1.0], [math.nan, 1.0], 0),
        ([math.nan, 3.0], [math.nan, 4.0], 1 / 7),
        ([math.inf, 3.0], [math.inf, 4.0], 1 / 7),
        ([math.inf], [-math.inf], 1),
        ([math.nan, 1.0], [0.0, 1.0], 1),
        ([math.inf, 1.0], [1.0, 1.0], 1),
        ([0.0], [-0.0], 0),
        ([1e300, 1.0], [2e300, 1.0], 1 / 3),
        ([1.7e308], [-1.7e308], 1),
        ([1e-200], [3e-200], 1 / 2),
        ([5e-324], [1e-323], 1 / 3),
    ],
)
def test_numbers_at_the_edge(old, new, weight):
    trees = [as_tree({"x": np.array(side)}) for side in (old, new)]
    assert compare(*trees, "tensors").weight == pytest.approx(weight)
    assert compare(*trees[::-1], "tensors").weight == pytest.approx(weight)


def test_large_integers_that_floats_cannot_tell_apart_differ():
    for dtype in ("i8", "u8"):
        old, new = np.array([2**62], dtype), np.array([2**62 + 1], dtype)
        assert 0 < compare(as_tree({"x": old}), as_tree({"x": new}), "tensors").weight < 1e-15
    old, new = np.array([-(2**63)]), np.array([2**63 - 1])
    assert compare(as_tree({"x": old}), as_tree({"x": new}), "tensors").weight == pytest.approx(1)


def test_another_shape_or_type_is_another_tensor_and_the_evidence_says_which():
    old = {"a": np.zeros((2, 3), np.float32), "b": np.ones(4, np.float32), "gone": np.ones(2)}
    new = {"a": np.zeros((3, 2), np.float32), "b": np.ones(4, np.float16), "new": np.ones(())}
    difference = compare(as_tree(old), as_tree(new), "tensors")
    assert (difference.amount, difference.total) == (23, 23)
    counts = difference.counts
    assert [counts[sort] for sort in ("tensors", "changed", "added", "removed", "reshaped")] == [
        *(4, 0, 1, 1, 2)
    ]
    shown = {change.name: (change.old, change.new) for change in difference.changes}
    assert shown["a"] == ("F32 [2, 3]", "F32 [3, 2]")
    assert shown["b"] == ("F32 [4]", "F16 [4]")


def test_tensors_may_move_to_another_file_and_format():
    state = {f"layer.{number}": np.full(3, number, np.float32) for number in range(4)}
    first = {name: state[name] for name in ("layer.0", "layer.1")}
    rest = {name: state[name] for name in ("layer.2", "layer.3")}
    whole = as_tree(state)
    sharded = MemoryTree({"model-1.safetensors": safetensors.save(first), "model-2.npz": npz(rest)})
    assert compare(whole, sharded, "tensors").amount == 0
    assert compare(whole, sharded, "tensors").total == 24


def test_files_with_tensors_of_one_name_are_told_apart():
    ones, twos = np.ones(2), np.full(2, 3.0)
    old = MemoryTree({"a.npz": npz({"w": ones}), "b.npz": npz({"w": twos})})
    new = MemoryTree({"a.npz": npz({"w": ones}), "b.npz": npz({"w": ones})})
    difference = compare(old, new, "tensors")
    assert [change.name for change in difference.changes] == ["b.npz:w"]
    assert difference.weight == pytest.approx(0.25)


def test_a_renamed_file_costs_nothing_and_others_count_as_one_number():
    content = safetensors.save({"w": np.ones(10)})
    old = MemoryTree({"a.safetensors": content, "config.json": b"1"})
    new = MemoryTree({"b.safetensors": content, "config.json": b"2"})
    difference = compare(old, new, "tensors")
    assert (difference.amount, difference.total) == (2, 22)
    assert difference.counts["other_files"] == 1


def test_lone_arrays_go_by_their_file():
    def npy(array):
        sink = io.BytesIO()
        np.save(sink, array)
        return sink.getvalue()

    numbers = np.arange(6.0).reshape(2, 3)
    old = MemoryTree({"a.npy": npy(numbers), "b.npy": npy(np.array(["x"]))})
    new = MemoryTree({"a.npy": npy(np.asfortranarray(numbers)), "b.npy": npy(np.array(["y"]))})
    difference = compare(old, new, "tensors")
    assert [(change.name, change.counts["distance"]) for change in difference.changes] == [
        ("b.npy", 1.0)
    ]
    big = MemoryTree({"a.npy": npy(numbers.astype(">f8")), "b.npy": npy(np.array(["x"]))})
    assert compare(old, big, "tensors").amount == 0


def test_tensors_out_of_order_and_too_large_to_be_put_in_order_differ_wholly(monkeypatch):
    monkeypatch.setattr("omprov.diff._stored_tensors._GATHERED", 10)
    numbers = np.arange(6.0).reshape(2, 3)
    old, new = (
        MemoryTree({"a.npz": npz({"w": numbers})}),
        MemoryTree({"a.npz": npz({"w": np.asfortranarray(numbers)})}),
    )
    difference = compare(old, new, "tensors")
    assert (difference.weight, difference.exact) == (1, False)
    assert "w is too large" in difference.note
    assert compare(
        new, MemoryTree({"a.npz": npz({"w": np.asfortranarray(2 * numbers)})}), "tensors"
    ).exact


@pytest.mark.parametrize("name", ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "BF16"])
def test_small_floats_are_those_of_torch(name):
    torch = pytest.importorskip("torch")
    kinds = {
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
        "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
        "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
        "BF16": torch.bfloat16,
    }
    width = 2 if name == "BF16" else 1
    patterns = np.arange(256**width).astype(f"<u{width}")
    theirs = torch.from_numpy(patterns.copy()).view(kinds[name]).float().numpy()
    assert np.array_equal(as_numbers(name, patterns.tobytes()), theirs, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "bits", "value"),
    [
        ("BF16", b"\x80\x3f", 1.0),
        ("BF16", b"\x49\xc0", -3.140625),
        ("F8_E4M3", b"\x38", 1.0),
        ("F8_E4M3", b"\x7e", 448.0),
        ("F8_E4M3", b"\x01", 2.0**-9),
        ("F8_E4M3", b"\xff", math.nan),
        ("F8_E5M2", b"\x3c", 1.0),
        ("F8_E5M2", b"\x7b", 57344.0),
        ("F8_E5M2", b"\xfc", -math.inf),
        ("F8_E5M2", b"\x7d", math.nan),
        ("F8_E4M3FNUZ", b"\x40", 1.0),
        ("F8_E4M3FNUZ", b"\x80", math.nan),
        ("F8_E5M2FNUZ", b"\x40", 1.0),
        ("F8_E8M0", b"\x7f", 1.0),
        ("F8_E8M0", b"\x00", 2.0**-127),
        ("F8_E8M0", b"\xff", math.nan),
    ],
)
def test_bits_of_small_floats(name, bits, value):
    [number] = as_numbers(name, bits)
    assert number == value or (math.isnan(number) and math.isnan(value))


@pytest.mark.parametrize("dtype", ["F32", "F64", "F16", "BF16"])
def test_every_pattern_of_bits_is_a_number_or_none(dtype):
    content = np.arange(1 << 16, dtype=np.uint16).repeat(4)[::-1].tobytes()
    assert len(as_numbers(dtype, content))
    assert len(as_numbers(dtype, content, big_endian=True))


def test_a_type_that_is_not_known_is_compared_as_bytes():
    def file(content):
        header = json.dumps({"x": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
        return MemoryTree({"a.safetensors": struct.pack("<Q", len(header)) + header + content})

    assert compare(file(b"ab"), file(b"ac"), "tensors").weight == 1
    assert compare(file(b"ab"), file(b"ab"), "tensors").weight == 0


@pytest.mark.parametrize(
    "name", ["zip-old", "zip-new", "legacy-old", "legacy-new", "small-old", "checkpoint"]
)
def test_checkpoints_of_torch_hold_what_torch_says(name):
    tree = FolderTree(FIXTURES)
    place = tree, tree.get(f"{name}.pt")
    with tree.open(f"{name}.pt") as file:
        found = read_torch(place, file)
    truth = np.load(FIXTURES / f"{name}.npz")
    assert sorted(found) == sorted(truth.files)
    with OpenFiles() as files:
        for key, tensor in found.items():
            content = files.gather(tensor)
            numbers = as_numbers(tensor.dtype, content, big_endian=tensor.big_endian)
            theirs = widened(truth[key]).ravel()
            theirs = theirs.view("f8") if theirs.dtype.kind == "c" else theirs
            assert tensor.shape == truth[key].shape
            assert np.array_equal(numbers, theirs), key


def test_a_module_that_was_pickled_whole_shows_its_parameters():
    module = MemoryTree({"a.pt": (FIXTURES / "module.pt").read_bytes()})
    names = {change.name for change in compare(None, module, "tensors").changes}
    assert {"_modules.0._parameters.weight", "_modules.1._buffers.running_mean"} <= names


@pytest.mark.parametrize("sort", ["zip", "legacy"])
def test_checkpoints_differ_as_their_arrays_do(sort):
    files = [(FIXTURES / f"{sort}-{version}.pt").read_bytes() for version in ("old", "new")]
    difference = compare(*(MemoryTree({"a.pt": file}) for file in files), "tensors")
    arrays = [dict(np.load(FIXTURES / f"{sort}-{version}.npz")) for version in ("old", "new")]
    apart = {change.name: change.counts["distance"] for change in difference.changes}
    for name in arrays[0].keys() - {"brain"}:  # the arrays hold it with 32 bits
        assert apart.get(name, 0) == pytest.approx(distance(arrays[0][name], arrays[1][name]))
    zip_file = MemoryTree({"a.pt": (FIXTURES / "zip-old.pt").read_bytes()})
    assert compare(zip_file, MemoryTree({"a.bin": files[0]}), "tensors").amount == 0


@pytest.mark.parametrize("name", ["a.pt", "a.npz", "a.npy", "a.safetensors", "a.ckpt"])
@example(content=b"\x00\x00\x00[", at=109, sort=2)
@given(content=st.binary(max_size=80), at=st.integers(0, 5_000), sort=st.integers(0, 3))
def test_a_broken_file_counts_as_one_number_or_as_what_is_left_of_it(name, content, at, sort):
    whole = [
        (FIXTURES / "zip-old.pt").read_bytes(),
        (FIXTURES / "legacy-old.pt").read_bytes(),
        npz({"w": np.ones(20)}),
        safetensors.save({"w": np.ones(20)}),
    ][sort]
    broken = whole[:at] + content + whole[at + len(content) :]
    old, new = MemoryTree({name: broken}), MemoryTree({name: content})
    for pair in ((old, new), (new, old), (None, old)):
        difference = compare(*pair, "tensors")
        assert 0 <= difference.amount <= difference.total


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 800]}},
        {"x": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"x": {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]}},
        {"x": {"shape": [2], "data_offsets": [0, 8]}},
        {"x": 1},
        [1],
    ],
)
def test_a_header_that_lies_is_refused(header):
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(8)
    difference = compare(None, MemoryTree({"a.safetensors": content}), "tensors")
    assert difference.total == 1
    assert "a.safetensors is no safetensors file" in difference.note


def test_shapes_that_would_fill_memory_are_not_made():
    pickled = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nK\x01tQ"  # a storage of one number
        b"K\x00(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft(K\x00K\x00t"  # seen 2^62 times
        b"I00\nNtR."
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a/data.pkl", pickled)
        file.writestr("a/data/0", bytes(4))
    other = archive.getvalue().replace(bytes(4) + b"PK", b"\0\0\x80?PK", 1)
    old, new = MemoryTree({"a.pt": archive.getvalue()}), MemoryTree({"a.pt": other})
    difference = compare(old, new, "tensors")
    assert difference.weight == 1
    assert not difference.exact


def test_headers_are_enough_for_what_did_not_change():
    class Watched(MemoryTree):
        read = 0

        def open(self, path):
            tree = self

            class File(io.BytesIO):
                def read(self, size=-1, /):
                    content = super().read(size)
                    tree.read += len(content)
                    return content

            return File(self._files[path])

    same, changed = safetensors.save({"a": np.ones(100_000)}), {"b": np.ones(10)}
    old = Watched({"a.safetensors": same, "b.safetensors": safetensors.save(changed)})
    new = Watched({"a.safetensors": same, "b.safetensors": safetensors.save({"b": np.zeros(10)})})
    assert compare(old, new, "tensors").counts["changed"] == 1
    assert old.read + new.read < 3_000
