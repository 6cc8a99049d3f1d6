"""Files that libraries read and write in native code are noted by their wrappers."""

# ruff: noqa: ISC004 - scripts, line by line

from __future__ import annotations

import importlib.util
import sys

import pytest
from watched_scripts import place_in

LIBRARIES = {
    "pyarrow": (
        "import pyarrow as pa, pyarrow.parquet as pq, pyarrow.feather as f, pyarrow.csv as c\n"
        "import pyarrow.dataset as d, pyarrow.ipc as i\n"
        "t = pa.table({'a': [1, 2]})\n"
        "pq.write_table(t, 'w.parquet'); f.write_feather(t, 'w.feather'); c.write_csv(t, 'w.csv')\n"
        "d.write_dataset(t, 'w', format='parquet')\n"
        "with pa.OSFile('w.arrow', 'wb') as s, i.new_file(s, t.schema) as w: w.write_table(t)\n",
        "import pyarrow as pa, pyarrow.parquet as pq, pyarrow.feather as f, pyarrow.csv as c\n"
        "import pyarrow.dataset as d\n"
        "pq.read_table('w.parquet'); f.read_table('w.feather'); c.read_csv('w.csv')\n"
        "d.dataset('w').to_table(); s = pa.memory_map('w.arrow'); pa.ipc.open_file(s).read_all()\n"
        "assert isinstance(pa.memory_map('w.arrow'), pa.MemoryMappedFile)\n"
        "assert isinstance(pa.OSFile('w.arrow'), pa.OSFile) and isinstance(s, pa.NativeFile)\n"
        "assert not isinstance(s, pa.OSFile)\n",
        {"w.parquet", "w.feather", "w.csv", "w/part-0.parquet", "w.arrow"},
    ),
    "safetensors": (
        "import numpy, safetensors.numpy as s; s.save_file({'a': numpy.ones(3)}, 'm.safetensors')",
        "from safetensors import safe_open\n"
        "with safe_open('m.safetensors', framework='np') as f: f.get_tensor('a')\n"
        "assert isinstance(f, safe_open)\n",
        {"m.safetensors"},
    ),
    "numpy": (
        "import numpy as n\nn.save('a.npy', n.ones(9)); n.ones(9).tofile('a.bin')\n"
        "m = n.memmap('a.map', mode='w+', shape=9); m[:] = 1; m.flush(); n.savez('a.npz', a=m)",
        "import numpy as n\nn.load('a.npy', mmap_mode='r'); n.fromfile('a.bin'); n.load('a.npz')\n"
        "n.memmap('a.map', mode='r')[0]",
        {"a.npy", "a.bin", "a.map", "a.npz"},
    ),
    "pandas": (
        "import pandas as p\nt = p.DataFrame({'a': [1]})\nt.to_csv('t.csv')\n"
        "t.to_parquet('t.parquet'); t.to_feather('t.feather')",
        "import pandas as p\np.read_csv('t.csv'); p.read_parquet('t.parquet'); "
        "p.read_feather('t.feather')",
        {"t.csv", "t.parquet", "t.feather"},
    ),
    "cv2": (
        "import cv2, numpy\nassert cv2.imwrite('i.png', numpy.zeros((8, 8, 3), 'uint8'))",
        "import cv2, pickle\nassert cv2.imread('i.png').shape == (8, 8, 3)\n"
        "assert pickle.loads(pickle.dumps(cv2.imread)) is cv2.imread",
        {"i.png"},
    ),
    "h5py": (
        "import h5py\nwith h5py.File('x.h5', 'w') as f: f['a'] = [1, 2]",
        "import h5py\nwith h5py.File('x.h5') as f: f['a'][:]\n"
        "with h5py.File('x.h5', 'r') as f: isinstance(f, h5py.File)",
        {"x.h5"},
    ),
    "polars": (
        "import polars as p\nt = p.DataFrame({'a': [1]})\nt.write_csv('t.csv'); "
        "t.write_parquet('t.parquet'); t.lazy().sink_ndjson('t.ndjson')",
        "import polars as p\np.read_csv('t.csv'); p.scan_parquet('*.parquet').collect(); "
        "p.read_ndjson('t.ndjson')",
        {"t.csv", "t.parquet", "t.ndjson"},
    ),
    "soundfile": (
        "import numpy, soundfile\nsoundfile.write('s.wav', numpy.zeros(99), 8000)",
        "import soundfile\nsoundfile.read('s.wav'); soundfile.info('s.wav')",
        {"s.wav"},
    ),
    "lmdb": (
        "import lmdb\nwith lmdb.open('db') as e, e.begin(write=True) as t: t.put(b'a', b'b')",
        "import lmdb\nwith lmdb.open('db', readonly=True, lock=False) as e, e.begin() as t:\n"
        "    assert t.get(b'a') == b'b'",
        {"db/data.mdb"},
    ),
    "duckdb": (
        "import duckdb\nwith duckdb.connect('d.duckdb') as c: c.sql('create table t as select 1')",
        "import duckdb\nwith duckdb.connect('d.duckdb', read_only=True) as c: c.sql('from t')",
        {"d.duckdb"},
    ),
    "torch": (
        "import torch\ntorch.save({'a': torch.ones(2)}, 'm.pt'); torch.jit.save("
        "torch.jit.script(torch.nn.Linear(2, 2)), 'j.pt')",
        "import torch\ntorch.load('m.pt', mmap=True); torch.jit.load('j.pt')",
        {"m.pt", "j.pt"},
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_writes_and_then_reads_is_seen(tmp_path, library):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    writing, reading, files = LIBRARIES[library]
    place = place_in(tmp_path)
    place.script(writing, "-W", "ignore")
    assert place.writes - {"db/lock.mdb"} == files
    assert place.reads == set()
    place.script(reading, "-W", "ignore")
    assert place.reads - {"db/lock.mdb"} == files
    assert place.writes == set()


def test_how_it_is_known_is_told(tmp_path):
    place = place_in(tmp_path)
    place.script(LIBRARIES["safetensors"][0])
    assert place.how("m.safetensors") == "native"


def test_a_folder_read_natively_is_its_files_but_not_those_the_run_added(tmp_path):
    place = place_in(tmp_path)
    place.script(
        "import pyarrow as a, pyarrow.parquet as p, os\nos.mkdir('d')\n"
        "p.write_table(a.table({'a': [1]}), 'd/one.parquet')"
    )
    place.script(
        "import pyarrow.parquet as p\nt = p.read_table('d'); p.write_table(t, 'd/two.parquet')"
    )
    assert (place.reads, place.writes) == ({"d/one.parquet"}, {"d/two.parquet"})


def test_the_wrapped_look_like_what_they_wrap(tmp_path):
    place = place_in(tmp_path)
    place.script(
        "import copy, inspect, pickle, typing\n"
        "import pyarrow as pa, pyarrow.parquet as pq\nfrom safetensors import safe_open\n"
        "assert pickle.loads(pickle.dumps(pq.read_table)) is pq.read_table\n"
        "assert 'source' in inspect.signature(pq.read_table).parameters\n"
        "assert pq.read_table.__doc__ and pq.read_table.__name__ == 'read_table'\n"
        "class Mine(pa.OSFile): pass\n"
        "assert issubclass(Mine, pa.NativeFile) and issubclass(Mine, pa.OSFile)\n"
        "assert isinstance(Mine(__file__), pa.OSFile)\n"
        "assert copy.deepcopy(safe_open) is safe_open\n"
        "typing.Optional[safe_open]; safe_open | None; None | safe_open\n"
        "import importlib; importlib.reload(pq)\n"
        "assert pq.__spec__.loader.__class__.__name__ == 'SourceFileLoader'\n"
    )


def test_a_library_that_is_not_covered_is_named_when_it_is_imported(tmp_path):
    place = place_in(tmp_path)
    place.write("lib/decord.py", "")
    place.write("lib/tiledb.py", "")
    lib = str(place.folder / "lib")
    place.script("import importlib.util; importlib.util.find_spec('tiledb')", PYTHONPATH=lib)
    assert place.watched.accesses.not_covered == ()
    place.script("import decord", PYTHONPATH=lib)
    assert place.watched.accesses.not_covered == ("decord",)


def test_the_table_names_functions_that_are_there():
    """A row that nothing answers to covers nothing: it was misspelt, or the library moved on."""
    from omprov.capture._watching._watch import INJECTED

    sys.path.insert(0, str(INJECTED))
    try:
        from _omprov_table import READERS_AND_WRITERS
    finally:
        sys.path.remove(str(INJECTED))
    missing = []
    for module in ("pyarrow", "pyarrow.parquet.core", "pyarrow.csv", "safetensors.numpy"):
        held = importlib.import_module(module)
        for path, *_ in READERS_AND_WRITERS[module]:
            found = held
            for part in path.split("."):
                found = getattr(found, part, None)
            if found is None:
                missing.append(f"{module}.{path}")
    assert missing == []
