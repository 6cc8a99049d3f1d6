"""A repository with people: who owns the server, who works in `vision`, and who in `other` only."""

from __future__ import annotations

from types import SimpleNamespace

from server_story import Clock, tell_story

from omprov.records import Role
from omprov.repository import Repository

PASSWORD = "correct horse battery"


def tell_team(folder):
    """Make the repository; give its folder, and the time at the end."""
    clock = Clock()
    with Repository.create(folder, who="ada", clock=clock) as repository:
        tell_story(repository)
        _add_people(repository)
    return folder, clock.now


def _add_people(repo):
    for project in ("vision", "other"):
        repo.add_project(project)
    owner = repo.add_user("ada", PASSWORD, owner=True)
    people = {"ada": owner} | {
        name: repo.add_user(name, PASSWORD) for name in ("bob", "eve", "olga", "mallory")
    }
    repo.set_member("vision", people["bob"], Role.EDITOR)
    repo.set_member("vision", people["eve"], Role.VIEWER)
    repo.set_member("vision", people["olga"], Role.OWNER)
    repo.set_member("other", people["mallory"], Role.EDITOR)
    there = repo.view(who="bob", project="vision")
    there.add_version("dataset/secret", {"a": b"1"}, message="internal")
    there.record_run(inputs={"dataset": "dataset/secret"}, outputs={}, name="train")


def team_of(repo, client):
    """Give what tests work with: the client, who may ask, and what is in `vision`."""
    people = {user.name: user for user in repo.list_users()}
    there = repo.view(who="bob", project="vision")
    (run,) = there.list_runs()

    def as_(name, **limits):
        secret, _ = repo.add_token(people[name], "t", role=limits.pop("role", Role.OWNER), **limits)
        return {"Authorization": f"Bearer {secret}"}

    return SimpleNamespace(
        client=client,
        as_=as_,
        people=people,
        version=there.get_version("dataset/secret"),
        asset=there.get_asset("dataset/secret"),
        run=run,
        repo=repo,
    )
