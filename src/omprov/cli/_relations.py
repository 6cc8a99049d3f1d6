"""The commands about what relates versions: edge, policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput
from omprov.records import Missing, Policy, Treatment

from . import _wording
from ._command import command, group, subcommand
from ._completion import complete_assets, complete_versions
from ._json_shapes import edge_json, policy_json

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.records import AssetName
    from omprov.repository import Repository

    from ._session import Session


@group(
    "edge",
    example="omprov edge add dataset/digits:v5 dataset/digits:v2",
    keys={},
    no_args_is_help=True,
)
def edge_command(session: Session) -> None:
    """Declare an edge between versions that exist, or take a declared one away."""


@subcommand(
    edge_command,
    "add",
    example="omprov edge add dataset/digits:v5 dataset/digits:v2 --weight 0.1",
    keys={"edge": "the *edge*"},
)
@click.argument("newer", metavar="NEWER", shell_complete=complete_versions)
@click.argument("older", metavar="OLDER", shell_complete=complete_versions)
@click.option("--weight", type=float, help="Amount of difference; measured where left out.")
def edge_add_command(session: Session, *, newer: str, older: str, weight: float | None) -> None:
    """Declare that NEWER inherits OLDER; all that follows in output graphs is inferred anew."""
    with session.repository() as repository:
        edge = repository.add_edge(newer, older, weight=weight)
    session.answer(
        {"edge": edge_json(edge)},
        lambda out: out.print(
            f"{edge.newer} inherits {edge.older}  {_wording.weight(edge.weight)}", soft_wrap=True
        ),
    )


@subcommand(
    edge_command,
    "rm",
    example="omprov edge rm dataset/digits:v5 dataset/digits:v2",
    keys={"removed": "{newer, older}"},
)
@click.argument("newer", metavar="NEWER", shell_complete=complete_versions)
@click.argument("older", metavar="OLDER", shell_complete=complete_versions)
def edge_rm_command(session: Session, *, newer: str, older: str) -> None:
    """Take a declared edge away; relations that rested on it go."""
    with session.repository() as repository:
        upper, lower = (repository.get_version(end, removed=True) for end in (newer, older))
        repository.remove_edge(upper, lower)
    session.answer(
        {"removed": {"newer": upper.reference, "older": lower.reference}},
        lambda out: out.print(f"{upper} no longer inherits {lower} directly.", soft_wrap=True),
    )


@command(
    "policy",
    example="omprov policy model/digits\n"
    "omprov policy model/digits environment=lineage dataset.test=ignored --missing oldest",
    keys={
        "asset": "its name",
        "policy": "{roles: role → `lineage`, `free` or `ignored`; missing: `separate` or `oldest`}",
    },
)
@click.argument("asset", shell_complete=complete_assets)
@click.argument("roles", metavar="[ROLE=TREATMENT]...", nargs=-1)
@click.option(
    "--missing",
    type=click.Choice([str(rule) for rule in Missing]),
    help="What a role means that one run has and another lacks.",
)
def policy_command(
    session: Session, *, asset: str, roles: tuple[str, ...], missing: str | None
) -> None:
    """Show or set how the roles of runs count when the graph of ASSET is inferred.

    A lineage role constrains the order and weighs, a free one only weighs, an ignored one does
    neither. ROLE=default goes back to the default. The graph is inferred anew.
    """
    with session.repository() as repository:
        found = repository.get_asset(asset)
        policy = _changed(found.policy or Policy(), roles, missing)
        if policy != (found.policy or Policy()):
            found = repository.set_policy(found.name, policy)
        used = _used_roles(repository, found.name)
    data = policy_json(policy, used)
    session.answer(
        {"asset": str(found.name), "policy": data},
        lambda out: _show_policy(out, found.name, policy, data["roles"]),
    )


def _changed(policy: Policy, roles: tuple[str, ...], missing: str | None) -> Policy:
    treatments = dict(policy.roles)
    for item in roles:
        role, equals, word = item.partition("=")
        if not equals or not role:
            raise InvalidInput(f"{item!r} is no treatment of a role: write ROLE=TREATMENT")
        if word == "default":
            treatments.pop(role, None)
            continue
        try:
            treatments[role] = Treatment(word)
        except ValueError:
            words = ", ".join(Treatment)
            raise InvalidInput(f"{word!r} is no treatment: take {words} or default") from None
    return Policy(treatments, policy.missing if missing is None else Missing(missing))


def _used_roles(repository: Repository, asset: AssetName) -> list[str]:
    """Return the roles of the inputs of the asset's newest run."""
    newest = repository.list_versions(asset, limit=10)
    run = next((version.run for version in newest if version.run is not None), None)
    return [] if run is None else list(repository.get_run(run).inputs)


def _show_policy(
    out: Console, asset: AssetName, policy: Policy, treatments: dict[str, str]
) -> None:
    out.print(str(asset), style="bold", soft_wrap=True)
    for role, treatment in treatments.items():
        note = "" if role in policy.roles else "  (default)"
        out.print(f"  {role} = {treatment}{note}", soft_wrap=True)
    if not treatments:
        out.print("  no run has made it yet; every role is treated by the defaults")
    out.print(f"  missing roles: {policy.missing}")
