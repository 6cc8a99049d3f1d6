"""Mends the packs of a remote, from what is whole there and here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omprov.content._care._fsck import whole_digest
from omprov.content._pack_folder import pack_file, read_pack_footer
from omprov.errors import Damaged

from ._new_packs import StoredObject, abandoned_after, build_packs, compressed, verified
from ._remote import pack_name
from ._remote_check import fetched
from ._transfer import send_packs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._care._fsck import Damage
    from omprov.content._format._pack import Packed
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader

    from ._movers import LocalStore
    from ._remote import Remote

ASIDE = "damaged"


@dataclass(slots=True)
class RemoteMended:
    """What was done to a remote.

    Attributes:
        sent: names of packs that were sent again as they are.
        built: how many new packs hold what was whole in damaged ones, or here.
        aside: where damaged packs lie now, in the remote.
    """

    sent: list[str] = field(default_factory=list)
    built: int = 0
    aside: list[str] = field(default_factory=list)


def mend_remote(
    store: LocalStore,
    reader: ObjectReader,
    remote: Remote,
    damages: Iterable[Damage],
    *,
    is_vault: bool,
    progress: Progress | None,
) -> RemoteMended:
    """Mend the packs of a remote; what is lost there and whole here is sent by `send_back`.

    Args:
        store: this one.
        reader: reads what is stored here.
        remote: which.
        damages: what was found there.
        is_vault: backups name their packs: nothing but these packs helps them.
        progress: told the packs and bytes sent.

    Raises:
        Damaged: something does not arrive whole.
        Unavailable: the remote cannot be reached.
    """
    mender = _Mender(store, reader, remote, progress)
    for damage in damages:
        known = sorted(remote.index.places_in(damage.pack), key=lambda packed: packed.offset)
        remote.index.forget(damage.pack, damage.keys)
        path = store.packs / pack_file(damage.pack)
        if path.exists() and whole_digest(path) == damage.pack:
            mender.send_again(damage.pack, path)
        elif damage.pack in remote.sizes:
            mender.rebuild(damage.pack, known, is_vault=is_vault)
        elif not is_vault:
            remote.index.remove_packs([damage.pack])
    return mender.done


@dataclass
class _Mender:
    store: LocalStore
    reader: ObjectReader
    remote: Remote
    progress: Progress | None
    done: RemoteMended = field(default_factory=RemoteMended)

    def send_again(self, name: str, path: Path) -> None:
        for _ in send_packs(self.remote.bucket, [(name, path)], self.progress):
            self.remote.index.add_pack(name, read_pack_footer(self.store.packs, name))
        self.done.sent.append(name)

    def rebuild(self, name: str, known: list[Packed], *, is_vault: bool) -> None:
        """Put what can be had of a damaged pack into new ones, and move it aside.

        A vault wants nothing but the very same pack, which often comes of it.
        """
        remote = self.remote
        try:
            objects = remote.footer(name, remote.sizes[name])
        except Damaged:
            objects = known
        with fetched(remote, name, self.store.path) as descriptor:
            place = f"{ASIDE}/{pack_file(name)}"
            if not is_vault:
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    file.seek(0)
                    remote.bucket.write(place, file)
            contents = _contents(descriptor, name, objects, self.reader)
            made = self._send_new(contents, name if is_vault else None)
        if name in made or is_vault:
            return
        remote.bucket.delete(pack_name(name))
        remote.index.remove_packs([name])
        self.done.aside.append(f"{remote.url}/{place}")

    def _send_new(self, contents: Iterator[StoredObject], only: str | None) -> set[str]:
        made: set[str] = set()
        for pack in build_packs(self.store.path, contents):
            with abandoned_after(pack) as name:
                if only not in {None, name}:
                    continue
                for _ in send_packs(self.remote.bucket, [(name, pack.path)], self.progress):
                    self.remote.index.add_pack(name, pack.objects)
                made.add(name)
        self.done.built += len(made)
        return made


def _contents(
    descriptor: int, name: str, objects: Iterable[Packed], reader: ObjectReader
) -> Iterator[StoredObject]:
    for packed in objects:
        try:
            stored = os.pread(descriptor, packed.stored, packed.offset)
            yield verified(packed, stored, name)
        except Damaged:
            try:
                raw = reader.get(packed.key)
            except Damaged:
                continue
            yield compressed(packed.key, raw)
