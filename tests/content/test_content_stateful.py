"""The store against a dictionary: two users of one folder, garbage collected, crashes."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from content_folders import folders, leaves, make_folder, read_folder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from omprov.content import ContentStore
from omprov.errors import Damaged, NotFound

CALLS = ("fsync", "rename", "replace", "unlink", "write", "utime")
graces = st.sampled_from([timedelta(0), timedelta(0), timedelta(days=1)])
which = st.integers(0, 1)


class Crash(BaseException):
    """The process is no more: nothing that would clean up works either."""


@contextmanager
def crash_at(countdown):
    """Let the call of the system so many calls from now, and all after it, not happen."""
    left = [countdown]

    def dying(real):
        def call(*args, **extra):
            left[0] -= 1
            if left[0] < 0:
                raise Crash
            return real(*args, **extra)

        return call

    with mock.patch.multiple(os, **{name: dying(getattr(os, name)) for name in CALLS}):
        yield


class StoreMachine(RuleBasedStateMachine):
    digests = Bundle("digests")

    def __init__(self):
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        ContentStore.create(self.base / "store").close()
        self.stores = []
        self.open_stores()
        self.model: dict[str, dict] = {}
        self.held: str | None = None
        self.count = 0

    def open_stores(self):
        self.stores = [ContentStore.open(self.base / "store") for _ in range(2)]

    def close_stores(self):
        for store in self.stores:
            store.close()

    def teardown(self):
        self.close_stores()
        shutil.rmtree(self.base)

    def written(self, folder):
        self.count += 1
        return make_folder(self.base / f"in{self.count}", folder)

    @rule(target=digests, folder=folders, who=which)
    def put(self, folder, who):
        place = self.written(folder)
        summary = self.stores[who].put_tree(place)
        assert self.stores[1 - who].hash_tree(place) == summary
        known = [digest for digest, held in self.model.items() if held == folder]
        assert known in ([], [summary.digest])
        self.model[summary.digest] = folder
        return summary.digest

    @rule(digest=digests, who=which)
    def put_again(self, digest, who):
        if digest in self.model:
            place = self.written(self.model[digest])
            assert self.stores[who].put_tree(place).digest == digest

    @rule(digest=digests)
    def drop(self, digest):
        if digest != self.held:
            self.model.pop(digest, None)

    @rule(who=which, grace=graces)
    def collect(self, who, grace):
        store = self.stores[who]
        foreseen = store.collect(lambda: self.model, grace=grace, dry_run=True)
        done = store.collect(lambda: self.model, grace=grace)
        assert (done.removed, done.young) == (foreseen.removed, foreseen.young)
        usage = store.usage({"all": self.model})
        if not grace:
            assert usage.dead <= 0.25 * (usage.stored + usage.dead)
            assert not (store.path / "condemned").exists()

    @rule(digest=digests, who=which)
    def what_was_collected_is_not_there_or_whole(self, digest, who):
        if digest not in self.model:
            self.stores[who].collect(lambda: self.model, grace=timedelta(0))
            try:
                tree = self.stores[1 - who].tree(digest)
            except NotFound:
                return
            assert self.stores[who].check_reachable([tree.digest]) == {}  # within another tree

    @rule(folder=folders, who=which, calls=st.integers(0, 12))
    def crash_while_putting(self, folder, who, calls):
        place = self.written(folder)
        try:
            with crash_at(calls):
                digest = self.stores[who].put_tree(place).digest
            self.model[digest] = folder
        except Crash:
            self.open_stores()

    @rule(who=which, calls=st.integers(0, 25))
    def crash_while_collecting(self, who, calls):
        try:
            with crash_at(calls):
                self.stores[who].collect(lambda: self.model, grace=timedelta(0))
        except Crash:
            self.open_stores()

    @rule()
    def reopen(self):
        self.close_stores()
        self.open_stores()

    @rule()
    def lose_the_caches(self):
        self.close_stores()
        for path in (self.base / "store").glob("*.sqlite*"):
            path.unlink()
        self.open_stores()

    @rule(who=which)
    def rebuild(self, who):
        packs = list((self.base / "store" / "packs").iterdir())
        assert self.stores[who].rebuild_index().packs == len(packs)

    @rule(digest=digests, mode=st.sampled_from(["copy", "reflink", "link"]), who=which)
    def check_out(self, digest, mode, who):
        if digest in self.model:
            self.stores[who].materialize(digest, self.base / "work", mode=mode, current=self.held)
            self.held = digest
            assert leaves(read_folder(self.base / "work")) == leaves(self.model[digest])

    @rule(one=digests, other=digests, who=which)
    def compare(self, one, other, who):
        if one not in self.model or other not in self.model:
            return
        old, new = leaves(self.model[one]), leaves(self.model[other])
        found = self.stores[who].tree(other).changes_from(self.stores[1 - who].tree(one))
        expected = [p for p in old.keys() | new.keys() if old.get(p) != new.get(p)]
        assert [delta.path for delta in found] == sorted(expected, key=os.fsencode)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), who=which)
    def damage_and_heal(self, data, who):
        store = self.stores[who]
        packs = sorted((store.path / "packs").iterdir())
        if not packs:
            return
        pack = data.draw(st.sampled_from(packs))
        sound = pack.read_bytes()
        broken = bytearray(sound)
        broken[data.draw(st.integers(12, len(sound) - 1))] ^= 1
        pack.write_bytes(broken)
        damages = store.fsck()
        assert [damage.pack for damage in damages] == [pack.stem]
        lost = store.check_reachable(self.model, damages)
        for digest, folder in self.model.items():
            if digest not in lost:
                self.read_everything(store, digest, folder)
            else:
                self.must_fail(store, digest, folder)
        pack.write_bytes(sound)
        assert store.fsck() == []

    def read_everything(self, store, digest, folder):
        tree = store.tree(digest)
        list(tree.iter_entries())  # the pages of empty folders too
        for path, what in leaves(folder).items():
            content = what[1] if isinstance(what, tuple) else what
            content = os.fsencode(content) if isinstance(content, str) else content
            assert tree.open(path).read() == content

    def must_fail(self, store, digest, folder):
        store._reader._nodes.clear()
        try:
            self.read_everything(store, digest, folder)
        except Damaged:
            return
        raise AssertionError("fsck says that something is lost, but everything can be read")

    @invariant()
    def everything_is_there(self):
        for store in self.stores:
            for digest in self.model:
                assert store.contains(digest)
            assert store.check_reachable(self.model) == {}
        assert self.stores[0].fsck(full=False) == []


StoreMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.mark.filterwarnings(  # a process that is no more closes nothing
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
class TestStore(StoreMachine.TestCase):
    pass
