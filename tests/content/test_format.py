"""A reader of stores written from docs/format.md alone: it imports nothing of OMProv."""

from __future__ import annotations

import json
import os
import struct
import tempfile
from pathlib import Path

import zstandard
from blake3 import blake3
from content_folders import folders, make_folder, random_bytes
from hypothesis import given, settings

from omprov.content import ContentStore
from omprov.content._adding._writer import ObjectWriter
from omprov.content._format._objects import (
    FileObject,
    Key,
    ObjectType,
    Reference,
    encode_file,
    encode_reference,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"
CHUNK, TREE, FILE, LIST, REFERENCE = 1, 2, 3, 4, 5


class Reader:
    def __init__(self, store: Path) -> None:
        assert (store / "layout").read_text() == "omprov content store, layout 1\n"
        self.objects: dict[tuple[int, bytes], bytes] = {}
        for path in (store / "packs").glob("*.pack"):
            self.read_pack(path.read_bytes(), path.stem)

    def read_pack(self, pack: bytes, name: str) -> None:
        assert blake3(pack).hexdigest() == name
        assert pack[:8] == b"OMPACK\r\n"
        assert struct.unpack("<I", pack[8:12]) == (1,)
        start, count, version, checksum, magic = struct.unpack("<QII32s8s", pack[-56:])
        assert (version, magic) == (1, b"OMFOOT\r\n")
        assert blake3(pack[start:-40]).digest() == checksum
        for number in range(count):
            record = pack[start + 52 * number :][:52]
            digest, offset, stored, raw, kind, how = struct.unpack("<32sQIIBB2x", record)
            data = pack[offset : offset + stored]
            if how == 1:
                data = zstandard.ZstdDecompressor().decompress(data)
            assert len(data) == raw
            if kind != FILE:
                assert blake3(data).digest() == digest
            self.objects[kind, digest] = data

    def content(self, digest: bytes, size: int) -> bytes:
        if size == 0:
            return b""
        if size < 262_144 and (CHUNK, digest) in self.objects:
            return self.objects[CHUNK, digest]
        raw = self.objects[FILE, digest]
        magic, kind, length, target = struct.unpack("<4sB3xQ32s", raw[:48])
        assert (magic, length) == (b"OMF\x01", size)
        assert raw[48:-16] == (bytes(8) if kind == REFERENCE else b"")
        assert raw[-16:] == blake3(raw[:-16] + digest).digest()[:16]
        if kind == REFERENCE:
            return b"-> " + self.reference(target)["uri"].encode()
        content = b"".join(self.pieces(target))
        assert blake3(content).digest() == digest
        return content

    def pieces(self, digest: bytes):
        raw = self.objects[LIST, digest]
        magic, level, n = struct.unpack("<4sB3xI4x", raw[:16])
        assert magic == b"OML\x01"
        lengths = struct.unpack(f"<{n}Q", raw[16 : 16 + 8 * n])
        for i, length in enumerate(lengths):
            piece = raw[16 + 8 * n + 32 * i :][:32]
            below = [self.objects[CHUNK, piece]] if level == 0 else list(self.pieces(piece))
            assert sum(map(len, below)) == length
            yield from below

    def reference(self, digest: bytes) -> dict:
        raw = self.objects[REFERENCE, digest]
        assert raw[:4] == b"OMR\x01"
        return json.loads(raw[4:])

    def entries(self, digest: bytes):
        raw = self.objects[TREE, digest]
        magic, level, n, m = struct.unpack("<4sB3xII", raw[:16])
        assert magic == b"OMT\x01"
        names = raw[16 : 16 + m].split(b"\0") if n else []
        assert names == sorted(set(names))
        kinds = raw[16 + m :][:n]
        sizes = struct.unpack_from(f"<{n}Q", raw, 16 + m + n)
        for i in range(n):
            below = raw[16 + m + 17 * n + 32 * i :][:32]
            if level:
                assert kinds[i] == 0
                yield from self.entries(below)
            else:
                yield names[i], kinds[i], sizes[i], below

    def folder(self, digest: bytes) -> dict:
        found = {}
        for name, kind, size, below in self.entries(digest):
            shown = os.fsdecode(name.rstrip(b"/"))
            if kind == 4:
                found[shown] = self.folder(below)
            elif kind == 5:
                found[shown] = self.reference(below)
            else:
                content = self.content(below, size)
                found[shown] = {1: content, 2: ("x", content), 3: ("->", os.fsdecode(content))}[
                    kind
                ]
        return found


@settings(max_examples=20, deadline=None)
@given(folder=folders)
def test_a_reader_written_from_the_document_reads_every_folder(folder):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_folder(base / "in", folder)
        with ContentStore.create(base / "store") as store:
            digest = store.put_tree(base / "in").digest
        assert Reader(base / "store").folder(bytes.fromhex(digest)) == folder


def test_it_reads_large_folders_and_large_files(store, tmp_path):
    folder = {f"{n}": b"%d" % n for n in range(3000)} | {"big": random_bytes(3, 40_000_000)}
    digest = store.put_files(folder).digest
    reader = Reader(store.path)
    assert reader.folder(bytes.fromhex(digest)) == folder
    levels = {raw[4] for (kind, _), raw in reader.objects.items() if kind in {TREE, LIST}}
    assert levels == {0, 1, 2}


def test_it_reads_references_and_so_does_the_store(store):
    content = b"far away"
    digest = blake3(content).digest()
    reference = Reference("s3://bucket/key", len(content), '"etag"')
    raw = encode_reference(reference)
    target = Key(ObjectType.REFERENCE, blake3(raw).digest())
    with ObjectWriter(store.path, store._index) as writer:
        writer.add(target, raw)
        file = FileObject(target, len(content))
        writer.add(Key(ObjectType.FILE, digest), encode_file(file, digest))
        writer.commit()
    assert Reader(store.path).content(digest, len(content)) == b"-> s3://bucket/key"


def test_the_example_is_what_a_store_holds(store):
    digest = store.put_files({"hello.txt": b"hello\n"}).digest
    (pack,) = (store.path / "packs").iterdir()
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = [line[10:57] for line in text.splitlines() if line.startswith("00000") and ": " in line]
    assert bytes.fromhex(" ".join(shown)) == pack.read_bytes()
    assert pack.name in text
    assert digest in text
