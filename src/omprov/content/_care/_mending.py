"""Mends a store: what is whole in damaged packs, or elsewhere, goes into new ones.

Damaged packs are moved aside, never deleted. What is nowhere whole is forgotten: it counts as
missing, so that putting its content stores it anew, and a remote may have it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omprov.content._durable import fsync_folder
from omprov.content._pack_folder import iter_footers, pack_file, read_pack_footer
from omprov.content._reliance import only_collector, packs_removable
from omprov.content._remotes._new_packs import StoredObject, build_packs, verified
from omprov.errors import Damaged

from ._fsck import whole_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._format._objects import Key
    from omprov.content._format._pack import Packed
    from omprov.content._index import ChunkIndex

    from ._fsck import Damage

    Which = tuple[Key, int]
    """Key and length: two file objects under one digest may say different things."""

ASIDE = "damaged"
"""The folder of packs that were moved aside."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of one pack.

    Attributes:
        pack: its name.
        reason: what was the matter with it.
        saved: how many objects of it are whole elsewhere now.
        lost: how many are not, here.
        moved: where the pack lies now; ``None`` where it is gone, or stays because only the index
            was wrong.
    """

    pack: str
    reason: str
    saved: int
    lost: int
    moved: Path | None


@dataclass
class _Patient:
    damage: Damage
    objects: list[Packed]
    lost: list[Key] = field(default_factory=list)


def mend_packs(folder: Path, index: ChunkIndex, damages: Iterable[Damage]) -> list[Mended]:
    """Mend a store; see `ContentStore.mend`.

    Killed at any moment it leaves a store that holds what it held; mending again goes on.
    """
    packs = folder / "packs"
    with only_collector(folder):
        done: list[Mended] = []
        patients: dict[str, _Patient] = {}
        for damage in damages:
            if _is_sound(packs, damage.pack):
                objects = read_pack_footer(packs, damage.pack)
                index.remove_packs([damage.pack])
                index.add_pack(damage.pack, objects)
                done.append(Mended(damage.pack, damage.reason, len(objects), 0, None))
            else:
                objects = _listed(packs, index, damage.pack)
                patients[damage.pack] = _Patient(damage, objects)
        whole = _find_elsewhere(packs, index, patients)
        moved: dict[str, Path | None] = {}
        for pack in build_packs(folder, _salvage(packs, patients, whole)):
            made = pack.complete()
            if made in patients:  # it was put together again, bit by bit
                moved[made] = _move_aside(folder, index, made)
            pack.place(made)
            index.add_pack(made, pack.objects)
        for name in patients.keys() - moved.keys():
            moved[name] = _move_aside(folder, index, name)
        for name, patient in patients.items():
            lost = len(patient.lost)
            saved = len(patient.objects) - lost
            done.append(Mended(name, patient.damage.reason, saved, lost, moved[name]))
        return done


def _which(packed: Packed) -> Which:
    return packed.key, packed.raw


def _is_sound(packs: Path, name: str) -> bool:
    try:
        return whole_digest(packs / pack_file(name)) == name
    except (FileNotFoundError, ValueError):  # gone, or empty
        return False


def _listed(packs: Path, index: ChunkIndex, name: str) -> list[Packed]:
    """Return what a pack held: as it says itself, else as far as the index knows."""
    try:
        return read_pack_footer(packs, name)
    except (Damaged, FileNotFoundError):
        return sorted(index.places_in(name), key=lambda packed: packed.offset)


def _find_elsewhere(packs: Path, index: ChunkIndex, patients: dict[str, _Patient]) -> set[Which]:
    """Return what is whole in a pack that is not damaged; the index then looks for it there."""
    wanted = {_which(packed) for patient in patients.values() for packed in patient.objects}
    found: set[Which] = set()
    if not wanted:
        return found
    for name, objects in iter_footers(packs):
        copies = [
            packed for packed in objects if _which(packed) in wanted and _which(packed) not in found
        ]
        if name in patients or not copies:
            continue
        good = [
            packed for packed, one in zip(copies, _read(packs, name, copies), strict=True) if one
        ]
        index.add_pack(name, good)
        found.update(map(_which, good))
    return found


def _salvage(
    packs: Path, patients: dict[str, _Patient], whole: set[Which]
) -> Iterator[StoredObject]:
    """Give what is whole in damaged packs and nowhere else; note what is lost."""
    saved = set(whole)
    for name, patient in patients.items():
        wanted = [packed for packed in patient.objects if _which(packed) not in saved]
        for packed, one in zip(wanted, _read(packs, name, wanted), strict=True):
            if one is not None:
                saved.add(_which(packed))
                yield one
    for patient in patients.values():
        patient.lost = [packed.key for packed in patient.objects if _which(packed) not in saved]


def _read(packs: Path, name: str, objects: Iterable[Packed]) -> Iterator[StoredObject | None]:
    """Give objects of a pack, verified; ``None`` for each that cannot be read."""
    try:
        descriptor = os.open(packs / pack_file(name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield from (None for _ in objects)
        return
    try:
        for packed in objects:
            one = None
            with suppress(Damaged, OSError):
                one = verified(packed, os.pread(descriptor, packed.stored, packed.offset), name)
            yield one
    finally:
        os.close(descriptor)


def _move_aside(folder: Path, index: ChunkIndex, name: str) -> Path | None:
    aside = folder / ASIDE
    aside.mkdir(exist_ok=True)
    place = aside / pack_file(name)
    with packs_removable(folder):
        index.remove_packs([name])
        try:
            (folder / "packs" / pack_file(name)).rename(place)
        except FileNotFoundError:
            return None
        fsync_folder(aside)
        fsync_folder(folder / "packs")
    return place
