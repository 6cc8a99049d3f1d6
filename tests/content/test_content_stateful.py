"""The store against a dictionary."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from content_folders import folders, leaves, make_folder, read_folder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from omprov.content import ContentStore
from omprov.errors import Damaged


class StoreMachine(RuleBasedStateMachine):
    digests = Bundle("digests")

    def __init__(self):
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        self.store = ContentStore.create(self.base / "store")
        self.model: dict[str, dict] = {}
        self.damaged: set[str] = set()
        self.held: str | None = None
        self.count = 0

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.base)

    @rule(target=digests, folder=folders)
    def put(self, folder):
        self.count += 1
        place = make_folder(self.base / f"in{self.count}", folder)
        summary = self.store.put_tree(place)
        assert self.store.hash_tree(place) == summary
        known = [digest for digest, held in self.model.items() if held == folder]
        assert known in ([], [summary.digest])
        self.model[summary.digest] = folder
        return summary.digest

    @rule()
    def reopen(self):
        self.store.close()
        self.store = ContentStore.open(self.base / "store")

    @rule()
    def lose_the_caches(self):
        self.store.close()
        for path in self.store.path.glob("*.sqlite*"):
            path.unlink()
        self.store = ContentStore.open(self.base / "store")

    @rule()
    def rebuild(self):
        self.store.rebuild_index()

    @precondition(lambda self: not self.damaged)
    @rule(digest=digests, mode=st.sampled_from(["copy", "reflink", "link"]))
    def check_out(self, digest, mode):
        self.store.materialize(digest, self.base / "work", mode=mode, current=self.held)
        self.held = digest
        assert leaves(read_folder(self.base / "work")) == leaves(self.model[digest])

    @precondition(lambda self: not self.damaged)
    @rule(one=digests, other=digests)
    def compare(self, one, other):
        old, new = leaves(self.model[one]), leaves(self.model[other])
        found = self.store.tree(other).changes_from(self.store.tree(one))
        expected = [p for p in old.keys() | new.keys() if old.get(p) != new.get(p)]
        assert [delta.path for delta in found] == sorted(expected, key=os.fsencode)

    @rule(data=st.data())
    def damage_and_heal(self, data):
        packs = sorted((self.store.path / "packs").iterdir())
        if not packs:
            return
        pack = data.draw(st.sampled_from(packs))
        sound = pack.read_bytes()
        broken = bytearray(sound)
        broken[data.draw(st.integers(12, len(sound) - 1))] ^= 1
        pack.write_bytes(broken)
        damages = self.store.fsck()
        assert [damage.pack for damage in damages] == [pack.stem]
        lost = self.store.check_reachable(self.model, damages)
        for digest, folder in self.model.items():
            if digest not in lost:
                self.read_everything(digest, folder)
            else:
                self.must_fail(digest, folder)
        pack.write_bytes(sound)
        assert self.store.fsck() == []

    def read_everything(self, digest, folder):
        tree = self.store.tree(digest)
        for path, what in leaves(folder).items():
            content = what[1] if isinstance(what, tuple) else what
            content = os.fsencode(content) if isinstance(content, str) else content
            assert tree.open(path).read() == content

    def must_fail(self, digest, folder):
        self.store._reader._nodes.clear()
        try:
            self.read_everything(digest, folder)
        except Damaged:
            return
        raise AssertionError("fsck says that something is lost, but everything can be read")

    @invariant()
    def everything_is_there(self):
        for digest in self.model:
            assert self.store.contains(digest)
        assert self.store.check_reachable(self.model) == {}


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestStore = StoreMachine.TestCase
