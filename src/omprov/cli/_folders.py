"""The commands between folders and versions: add, checkout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from omprov.errors import InvalidInput, NotFound
from omprov.records import DEFAULT_PROJECT, Reference

from . import _wording
from ._command import command
from ._completion import complete_assets, complete_versions
from ._job_words import name_of
from ._json_shapes import edge_json, version_json
from ._session import Session, display_path

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.content import TreeSummary
    from omprov.records import Version
    from omprov.repository import Added, ByReference, Held, Repository


@command(
    "add",
    example="omprov add data/digits --as dataset/digits -m 'First 800 images'\n"
    "omprov add data/digits -m 'Labels corrected'\n"
    "omprov add merged --as dataset/digits --parent v3 --parent v4\n"
    "omprov add --reference s3://bucket/scans --as dataset/scans",
    keys={
        "version": "the *version*",
        "created": "false where nothing was new",
        "inherits": "list of *edge*: what the new version inherits",
    },
)
@click.argument("path")
@click.option(
    "--as",
    "asset",
    metavar="ASSET",
    shell_complete=complete_assets,
    help="The asset, with its kind; needed the first time.",
)
@click.option("-m", "--message", default="", help="What to say of this version.")
@click.option(
    "--parent",
    "parents",
    metavar="REF",
    multiple=True,
    shell_complete=complete_versions,
    help="What it inherits (v3 is a version of ASSET); may be repeated.",
)
@click.option("--root", is_flag=True, help="It inherits nothing.")
@click.option(
    "--reference",
    is_flag=True,
    help="The data stays where it is; PATH may be s3://…, gs://…, az://…",
)
@click.option(
    "--hash/--no-hash",
    "hashed",
    default=None,
    help="With --reference: read everything once for its digest, or go by sizes with ETags or "
    "times. By default folders are read and buckets are not.",
)
def add_command(
    session: Session,
    *,
    path: str,
    asset: str | None,
    message: str,
    parents: tuple[str, ...],
    root: bool,
    reference: bool,
    hashed: bool | None,
) -> None:
    """Record the state of the folder or file PATH as a version of an asset.

    The parent is the version that the folder was last recorded as or checked out from; else the
    nearest by content. Nothing is recorded where nothing changed.
    """
    content = _content(path, hashed=hashed, reference=reference)
    if root and parents:
        raise InvalidInput("--root says that there is no parent; leave out --parent")
    stored = None
    if isinstance(content, Path) and not (session.as_json or root or parents):
        held, stored = _stored_known(session, content, asset)
        if held is not None:
            click.echo(f"{held.reference}  nothing changed")
            return
    with session.repository() as repository:
        name = _named_asset(repository, asset) if asset else _known_asset(repository, content)
        with session.progress("storing") as progress:
            added = repository.add_version(
                name,
                content,
                message=message,
                inherits=() if root else parents or "auto",
                stored=stored,
                progress=progress,
            )
    session.answer(
        {
            "version": version_json(added.version),
            "created": added.created,
            "inherits": [edge_json(edge) for edge in added.inherits],
        },
        lambda out: show_added(out, added, session, stored=isinstance(content, Path)),
    )
    _warn_of_left_out(session, added)


def _content(path: str, *, reference: bool, hashed: bool | None) -> Path | ByReference:
    if reference:
        from omprov.repository import ByReference  # start-up: seldom needed

        return ByReference(path, hashed)
    if hashed is not None:
        raise InvalidInput("--hash and --no-hash go with --reference: what is stored is hashed")
    if "://" in path:
        raise InvalidInput(f"{path} is no folder: --reference records what lies there")
    return Path(path)


def _warn_of_left_out(session: Session, added: Added) -> None:
    left_out = added.version.source.get("left out") if added.created else None
    if left_out:
        names = ", ".join(left_out["for instance"])
        session.warn(
            f"{_wording.plural(left_out['count'], 'object')} left out, for no folder can hold such "
            f"names ({_wording.printable(names)})"
        )


def _stored_known(
    session: Session, path: Path, asset: str | None
) -> tuple[Held | None, TreeSummary | None]:
    """Store a folder that holds a known version; return that version if nothing has changed.

    The catalog need not be opened for that, which would take longer than all the rest.
    """
    from omprov._front import find_repository  # start-up
    from omprov.repository import Config, find_held, looks_unchanged, store_known

    repository = find_repository(session.url)
    held = find_held(repository, path)
    if held is None or not path.exists():
        return None, None
    if asset is not None:
        wanted = Reference.parse(asset)
        project = wanted.project or Config(repository / "config").get("project") or DEFAULT_PROJECT
        if str(replace(wanted, project=project)) != asset_of(held.reference):
            return None, None
    if looks_unchanged(repository, path, held):
        return held, None
    with session.progress("storing") as progress:
        stored = store_known(repository, path, held, progress)
    return (held if stored.digest == held.digest else None), stored


def _named_asset(repository: Repository, asset: str) -> str:
    """Return the asset of ``--as``; a new one must say its kind."""
    wanted = Reference.parse(asset)
    if wanted.kind is None:
        try:
            repository.get_asset(asset)
        except NotFound as error:
            raise InvalidInput(
                f"there is no asset {asset!r} yet: say what it is, "
                f"for example --as dataset/{wanted.name}"
            ) from error
    return asset


def _known_asset(repository: Repository, content: Path | ByReference) -> str:
    path = content if isinstance(content, Path) else content.path
    if path is None:
        raise InvalidInput("say what lies there, for example --as dataset/scans")
    if not path.exists():
        raise NotFound("file or folder", path)
    held = repository.workspace.find(path)
    if held is None:
        raise InvalidInput(
            f"{path} is not known yet: say what it is, for example --as dataset/{name_of(path)}"
        )
    return asset_of(held.reference)


def whole(reference: str) -> Reference:
    """Read the reference of a version as OMProv writes it: without a project it is `default`'s.

    What people write means the project that is set; the two may differ.
    """
    wanted = Reference.parse(reference)
    return replace(wanted, project=wanted.project or DEFAULT_PROJECT)


def asset_of(reference: str) -> str:
    """Return the asset of a version's reference, with its project."""
    return str(replace(whole(reference), selector=None))


def show_added(out: Console, added: Added, session: Session, *, stored: bool = False) -> None:
    """Say what came of recording a folder.

    Args:
        out: where to.
        added: what came of it.
        session: knows the characters.
        stored: its bytes were stored, too.
    """
    version = added.version
    out.print(version.reference, style="bold", end="", soft_wrap=True)
    if not added.created:
        kept = stored and "reference" in version.source
        out.print("  nothing changed" + ("; its bytes are stored here now" if kept else ""))
        return
    dot = session.glyphs.dot
    size = f"{_wording.plural(version.files, 'file')} {dot} {_wording.size(version.size)}"
    out.print(f"  {size}" + (f" {dot} by reference" if "reference" in version.source else ""))
    for edge in added.inherits:
        out.print(f"  inherits {edge.older}  {_wording.weight(edge.weight)}", end="")
        if edge.difference is not None:
            out.print(f"  {_wording.evidence(edge.difference)}", style="dim", soft_wrap=True)
        else:
            out.print("  the same content", style="dim")


@command(
    "checkout",
    example="omprov checkout dataset/digits:v3 data/digits\n"
    "omprov checkout model/digits:champion deploy --mode link\n"
    "omprov checkout dataset/digits labels --only labels.csv --only test",
    keys={
        "version": "the *version*",
        "path": "where its files are now",
        "only": "list of the parts asked for; null for all",
    },
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("-f", "--force", is_flag=True, help="Lose changes that no version holds.")
@click.option(
    "--only",
    metavar="PART",
    multiple=True,
    help="Only this file or folder of the version; may be repeated.",
)
@click.option(
    "--mode",
    type=click.Choice(["copy", "reflink", "link"]),
    default="copy",
    show_default=True,
    help="How files come about; link makes them read-only.",
)
def checkout_command(
    session: Session,
    *,
    reference: str,
    path: Path | None,
    force: bool,
    only: tuple[str, ...],
    mode: Literal["copy", "reflink", "link"],
) -> None:
    """Write the files of a version into PATH, and remember that it holds them.

    Without PATH: into the folder that holds another version of the asset, else a new folder with
    the asset's name. Files that no version knew are left alone. A folder with chosen parts of a
    version is not recorded as its next one: what was left out would count as removed.
    """
    with session.repository() as repository:
        version = repository.get_version(reference)
        place = path or _usual_place(repository, version)
        with session.progress("writing") as progress:
            repository.checkout(
                version, place, mode=mode, paths=only or None, force=force, progress=progress
            )
    what = (
        f"{', '.join(only)} of {version}"
        if only
        else f"{version}  {_wording.plural(version.files, 'file')}, {_wording.size(version.size)}"
    )
    session.answer(
        {
            "version": version_json(version),
            "path": str(place),
            "only": list(only) if only else None,
        },
        lambda out: out.print(f"{display_path(place)} holds {what}", soft_wrap=True),
    )


def _usual_place(repository: Repository, version: Version) -> Path:
    asset = asset_of(version.reference)
    known = [h for h in repository.workspace.list() if asset_of(h.reference) == asset]
    known = [held for held in known if repository.workspace.path_of(held).exists()] or known
    if len(known) > 1:
        paths = ", ".join(held.path for held in known)
        raise InvalidInput(f"several folders hold {version.asset} ({paths}): say which")
    return repository.workspace.path_of(known[0]) if known else Path(version.asset.name)
