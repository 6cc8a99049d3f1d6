"""What contents take up, against counting one by one."""

from __future__ import annotations

from content_folders import folders, random_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import ContentStore
from omprov.content._format._nodes import EntryKind
from omprov.content._format._objects import Key, ObjectType, content_key, decode_file
from omprov.content._tree import iter_below


def count(store, roots):
    """Return the sizes of distinct files by digest, and the stored sizes of objects by key."""
    files, objects = {}, {}

    def see(key):
        objects[key] = store._index.find(key).packed.stored

    def see_list(key):
        see(key)
        page = store._reader.get_list(key)
        for piece in page.pieces:
            if page.level:
                see_list(Key(ObjectType.LIST, piece.digest))
            else:
                see(Key(ObjectType.CHUNK, piece.digest))

    def see_nodes(digest):
        see(Key(ObjectType.TREE, digest))
        node = store._reader.get_node(digest)
        for entry in node.entries:
            if node.level or entry.kind == EntryKind.FOLDER:
                see_nodes(entry.digest)

    for root in map(bytes.fromhex, roots):
        see_nodes(root)
        for _, entry in iter_below(store._reader.get_node, b"", root):
            if entry.kind == EntryKind.FOLDER or not entry.size:
                continue
            files[entry.digest] = entry.size
            key = content_key(entry.size, entry.digest)
            see(key)
            if key.type is ObjectType.FILE:
                see_list(decode_file(store._reader.get(key), key.digest).target)
    return files, objects


def check_usage(store, groups):
    usage = store.usage(groups)
    counted = {name: count(store, roots) for name, roots in groups.items()}
    everything = {}
    for _, objects in counted.values():
        everything.update(objects)
    shared = {
        key for key in everything if sum(key in objects for _, objects in counted.values()) > 1
    }
    for name, (files, objects) in counted.items():
        share = usage.shares[name]
        assert share.distinct == sum(files.values())
        assert share.stored == sum(objects.values())
        assert share.shared == sum(size for key, size in objects.items() if key in shared)
    assert usage.stored == sum(everything.values())
    assert usage.shared == sum(everything[key] for key in shared)
    return usage


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), folders), max_size=6))
def test_usage_is_what_one_counts_object_by_object(tmp_path_factory, versions):
    from content_folders import make_folder

    base = tmp_path_factory.mktemp("u")
    with ContentStore.create(base / "s") as store:
        groups = {}
        for number, (group, folder) in enumerate(versions):
            summary = store.put_tree(make_folder(base / f"in{number}", folder))
            groups.setdefault(group, set()).add(summary.digest)
        usage = check_usage(store, groups)
        assert usage.dead == 0


def test_pages_lists_and_chunks_that_are_files_of_their_own_count_once(store):
    big = random_bytes(1, 900_000)
    first = {f"{n:04}": b"%d" % (n % 700) for n in range(900)} | {"big": big, "again": big}
    digests = [store.put_files(first).digest]
    page = store._reader.get_list(
        decode_file(
            store._reader.get(
                Key(ObjectType.FILE, bytes.fromhex(store.tree(digests[0]).get("big").digest))
            ),
            bytes.fromhex(store.tree(digests[0]).get("big").digest),
        ).target
    )
    piece = store._reader.get(Key(ObjectType.CHUNK, page.pieces[0].digest))
    digests.append(store.put_files({"piece": piece, "big": big}).digest)
    gone = store.put_files({"gone": random_bytes(2, 5000)})
    usage = check_usage(store, {"one": digests[:1], "two": digests[1:], "both": digests})
    assert usage.dead > 5000 == gone.size
    assert usage.shares["both"].shared == usage.shares["both"].stored
    assert usage.packs == 3


def test_what_lies_in_two_packs_counts_once(store):
    digest = store.put_files({"a": b"1" * 100}).digest
    usage = store.usage({"one": [digest]})
    store._index.clear()
    (pack,) = (store.path / "packs").iterdir()
    aside = pack.rename(store.path / "aside")
    store.put_files({"a": b"1" * 100, "b": b"2"})
    aside.rename(pack)
    twice = store.usage({"one": [digest]})
    assert (twice.stored, twice.packs) == (usage.stored, 2)
    assert twice.dead > 0


def test_what_is_not_here_is_counted_by_its_owner_alone(store):
    usage = store.usage({"one": ["ab" * 32]})
    assert usage.shares["one"].absent == 1
    assert usage.stored == 0
