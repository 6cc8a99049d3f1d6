"""What a backup consists of, as it is written into its bucket: `docs/format.md`, "Backups"."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from omprov.errors import Damaged, SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
_TEXT = "omprov backup, layout "


@dataclass(frozen=True, slots=True)
class StoredCatalog:
    """The catalog of a backup.

    Attributes:
        digest: BLAKE3 of the compressed file, which is named by it.
        size: bytes of that file.
        raw: bytes of the database.
        raw_digest: BLAKE3 of the database.
    """

    digest: str
    size: int
    raw: int
    raw_digest: str


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: the state of a repository at one moment.

    Attributes:
        id: its name; ids rise with time.
        time: the moment.
        repository: what the repository is known by.
        release: of OMProv, that made it.
        schema: layout of the catalog.
        catalog: the database.
        packs: names of the packs that hold the content.
        size: bytes of the packs.
        versions: how many versions there were, removed ones excluded.
        absent: how many contents were not stored in the repository, and so are not in the backup.
        files: name → text of the small files of the repository: settings, workspace.
    """

    id: str
    time: datetime
    repository: str
    release: str
    schema: str
    catalog: StoredCatalog
    packs: tuple[str, ...]
    size: int
    versions: int
    absent: int
    files: Mapping[str, str] = field(default_factory=dict)


def encode_manifest(backup: Backup) -> bytes:
    """Return the manifest: a line with a checksum, and JSON."""
    data = asdict(backup) | {"time": backup.time.isoformat()}
    body = json.dumps(data, indent=1, sort_keys=True).encode("ascii")
    return f"{_TEXT}{FORMAT} {blake3(body).hexdigest()}\n".encode("ascii") + body


def decode_manifest(raw: bytes, place: str) -> Backup:
    """Read what `encode_manifest` gave.

    Args:
        raw: its bytes.
        place: where it lies, for messages.

    Raises:
        Damaged: these are not the bytes of a manifest.
        SchemaMismatch: a newer release wrote it.
    """
    head, _, body = raw.partition(b"\n")
    number, _, digest = head.decode("ascii", "replace").removeprefix(_TEXT).partition(" ")
    if not head.startswith(_TEXT.encode()) or not (number.isascii() and number.isdecimal()):
        raise Damaged(f"{place} is no manifest of a backup: it is not what was written")
    if int(number) > FORMAT:
        raise SchemaMismatch(
            f"{place} has layout {number}; this release knows up to {FORMAT}. Upgrade omprov."
        )
    if blake3(body).hexdigest() != digest:
        raise Damaged(f"{place} is damaged: it is not what was written")
    data: dict[str, Any] = json.loads(body)
    known = {name: data[name] for name in Backup.__dataclass_fields__}
    return Backup(
        **known
        | {
            "time": datetime.fromisoformat(data["time"]),
            "catalog": StoredCatalog(
                **{name: data["catalog"][name] for name in StoredCatalog.__dataclass_fields__}
            ),
            "packs": tuple(data["packs"]),
        }
    )
