"""Nothing in a pickle runs, whatever it holds; the real `pickle` runs all of these."""

import contextlib
import io
import pickle
import pickletools
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, compare
from omprov.diff._inert_pickle import read_pickle
from omprov.diff._inert_values import (
    BadPickle,
    Name,
    Opaque,
    Pairs,
    Persistent,
    inner_values,
    iter_values,
)

WITNESS = []


def attack(*words):
    """What a malicious pickle calls; it leaves a trace."""
    WITNESS.append(words)
    return WITNESS


class Trap:
    """An object that would act when it is made, given its state, filled, compared or shown."""

    def __init__(self, *args):
        WITNESS.append(args)

    def __setstate__(self, state):
        WITNESS.append(state)

    def append(self, item):
        WITNESS.append(item)

    def __setitem__(self, key, value):
        WITNESS.append(key)

    def __hash__(self):
        WITNESS.append("hash")
        return 1


MODULE = __name__.encode()
LINE = b"c" + MODULE + b"\n"  # GLOBAL module
HERE = b"\x8c" + bytes([len(MODULE)]) + MODULE  # SHORT_BINUNICODE

ATTACKS = {
    "REDUCE": LINE + b"attack\n(S'x'\ntR.",
    "STACK_GLOBAL": b"\x80\x04" + HERE + b"\x8c\x06attack\x93\x8c\x01x\x85R.",
    "INST": b"(S'x'\ni" + MODULE + b"\nattack\n.",
    "OBJ": b"(" + LINE + b"attack\nS'x'\no.",
    "NEWOBJ": b"\x80\x02" + LINE + b"Trap\n)\x81}S'a'\nS'b'\nsb.",
    "NEWOBJ_EX": b"\x80\x04" + LINE + b"Trap\n)}\x92}S'a'\nS'b'\nsb.",
    "BUILD": LINE + b"Trap\n(tR}S'a'\nS'b'\nsb.",
    "APPEND": LINE + b"Trap\n(tRS'x'\na.",
    "APPENDS": LINE + b"Trap\n(tR(S'x'\ne.",
    "SETITEM": LINE + b"Trap\n(tRS'k'\nS'v'\ns.",
    "SETITEMS": LINE + b"Trap\n(tR(S'k'\nS'v'\nu.",
    "as a key": b"}" + LINE + b"Trap\n(tRS'v'\ns.",
    "in a set": b"\x80\x04\x8f(" + LINE + b"Trap\n(tR\x90.",
    "in a frozen set": b"\x80\x04(" + LINE + b"Trap\n(tR\x91.",
    "called twice": LINE + b"attack\n(S'x'\ntR(S'y'\ntR.",
}


class Opening(pickle.Unpickler):
    """Follows persistent ids, as torch does."""

    def persistent_load(self, reference):
        return attack(reference)


@pytest.fixture(autouse=True)
def no_trace():
    WITNESS.clear()
    yield
    WITNESS.clear()


@pytest.mark.parametrize("name", ATTACKS)
def test_what_the_real_unpickler_executes_is_only_described(name):
    value = read_pickle(io.BytesIO(ATTACKS[name]))
    assert list(iter_values(value, inner_values))
    assert WITNESS == []
    with contextlib.suppress(TypeError, AttributeError):  # what it did first has been done
        pickle.loads(ATTACKS[name])
    assert WITNESS != [], "this attack is none"


@pytest.mark.parametrize("content", [b"Px\n.", b"\x80\x02X\x01\x00\x00\x00xQ."])
def test_persistent_ids_are_not_followed(content):
    assert isinstance(read_pickle(io.BytesIO(content)), Persistent)
    assert WITNESS == []
    Opening(io.BytesIO(content)).load()
    assert WITNESS != []


@pytest.mark.parametrize(
    "command", ["os.system", "posix.system", "builtins.eval", "subprocess.call"]
)
def test_a_checkpoint_that_runs_a_command_is_read_without_running_it(command, tmp_path):
    module, _, function = command.rpartition(".")
    trace = tmp_path / "trace"
    text = f"open({str(trace)!r}, 'w')" if function == "eval" else f"touch {trace}"
    body = f"c{module}\n{function}\n(V{text}\ntR.".encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", body)
        file.writestr("archive/version", "3\n")
    legacy = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03." + body
    for content in (archive.getvalue(), legacy, body):
        for name in ("a.pt", "a.pth", "a.bin", "a.ckpt"):
            difference = compare(None, MemoryTree({name: content}), "tensors")
            assert (difference.amount, difference.total) == (1, 1)
    assert not trace.exists()


def test_object_arrays_are_not_unpickled(tmp_path):
    numpy = pytest.importorskip("numpy")
    for name, save in (("a.npy", numpy.save), ("a.npz", numpy.savez)):
        trapped = numpy.empty(1, object)
        trapped[0] = Unpickled()
        place = tmp_path / name
        save(place, trapped)
        difference = compare(None, MemoryTree({name: place.read_bytes()}), "tensors")
        assert difference.counts["added"] == 1
        assert WITNESS == []


class Unpickled:
    def __reduce__(self):
        return attack, ("unpickled",)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


def described(value):
    """What `read_pickle` gives, as what was pickled."""
    match value:
        case Pairs(items):
            return {key: described(item) for key, item in items}
        case list():
            return [described(item) for item in value]
        case tuple():
            return tuple(described(item) for item in value)
    return value


@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_read_as_they_were_written(value, protocol):
    if protocol < 3 and _holds_bytes(value):
        return  # older protocols write bytes as a call
    content = pickle.dumps(value, protocol)
    assert described(read_pickle(io.BytesIO(content))) == value


def _holds_bytes(value):
    if isinstance(value, dict):
        return any(map(_holds_bytes, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_bytes, value))
    return isinstance(value, bytes)


@given(st.binary(max_size=60))
def test_no_bytes_at_all_do_more_than_be_refused(content):
    try:
        value = read_pickle(io.BytesIO(content + b"."))
        list(iter_values(value, inner_values))
    except BadPickle:
        pass


@given(st.data())
def test_no_sequence_of_opcodes_does_more_than_be_refused(data):
    opcodes = st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes])
    content = b"".join(data.draw(st.lists(opcodes | st.just(b"x\n"), max_size=30)))
    with contextlib.suppress(BadPickle):
        read_pickle(io.BytesIO(LINE + b"attack\n" + content + b"."))
    assert WITNESS == []


def test_values_that_hold_each_other_many_times_are_refused():
    doubled = b"]" + b"".join(b"q%c(h%ch%cl" % (n, n, n) for n in range(60)) + b"."
    value = read_pickle(io.BytesIO(doubled))
    with pytest.raises(BadPickle, match="too many"):
        list(iter_values(value, inner_values))


def test_a_list_that_holds_itself_ends():
    value = read_pickle(io.BytesIO(b"]q\0h\0a."))
    assert len(list(iter_values(value, inner_values))) < 100


def test_names_and_calls_are_kept_to_be_looked_at():
    value = read_pickle(io.BytesIO(ATTACKS["REDUCE"]))
    assert isinstance(value, Opaque)
    assert value.maker == Name(__name__, "attack")
    assert value.args == ("x",)


def test_a_length_that_lies_is_refused():
    with pytest.raises(BadPickle):
        read_pickle(io.BytesIO(b"\x8e" + struct.pack("<Q", 1 << 62) + b"x."))
