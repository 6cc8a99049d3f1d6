"""Users, roles in projects, protected aliases, and the audit of it all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omprov.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from omprov.records import Member, Role
from omprov.repository import Repository

ROLES = st.sampled_from([*Role, None])
NAMES = ["ada", "bob", "eve"]
PROJECTS = ["default", "vision"]


def add_version(repository, name="model/net", text=b"1"):
    return repository.add_version(name, {"a.txt": text}).version


# -- users


def test_the_first_user_owns_the_server(repo, cheap_hashes):
    assert not repo.has_users()
    with pytest.raises(Conflict, match="first user"):
        repo.add_user("bob", "battery staple")
    assert not repo.has_users()
    ada = repo.add_user("ada", "correct horse", owner=True)
    assert repo.has_users()
    assert (ada.is_owner, ada.disabled) == (True, False)
    assert not repo.add_user("bob", "battery staple").is_owner


def test_that_there_are_users_is_seen_at_once_by_who_had_seen_none(repo, reopen, cheap_hashes):
    other = reopen()
    assert not other.has_users()
    repo.add_user("ada", "correct horse", owner=True)
    assert other.has_users()


def test_users_are_found_and_missed(team):
    assert [user.name for user in team.list_users()] == ["ada", "bob"]
    assert team.get_user("bob").name == "bob"
    with pytest.raises(NotFound, match="did you mean bob"):
        team.get_user("bobb")
    for nobody in ("", "No Name", "x\0", "x" * 1000):
        with pytest.raises(NotFound):
            team.get_user(nobody)
    with pytest.raises(AlreadyExists):
        team.add_user("bob", "battery staple")
    with pytest.raises(InvalidInput):
        team.add_user("Bob", "battery staple")


def test_a_disabled_user_keeps_their_name_and_what_they_did(team):
    bob = team.get_user("bob")
    made = add_version(team.view(who="bob"))
    disabled = team.set_user("bob", disabled=True)
    assert disabled == replace(bob, disabled=True)
    assert team.get_version(made).creator == "bob"
    with pytest.raises(AlreadyExists):
        team.add_user("bob", "battery staple")
    assert team.set_user("bob", disabled=False) == bob


def test_the_last_who_owns_the_server_stays(team):
    for change in ({"disabled": True}, {"owner": False}):
        with pytest.raises(Conflict, match="ada is the last"):
            team.set_user("ada", **change)
    assert team.check_password("ada", "correct horse").is_owner
    team.set_user("bob", owner=True)
    team.set_user("bob", disabled=True)
    with pytest.raises(Conflict, match="ada is the last"):  # bob owns it, but cannot sign in
        team.set_user("ada", owner=False)


# -- roles


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(PROJECTS), st.sampled_from(NAMES), ROLES, st.booleans()),
        max_size=8,
    ),
    st.sets(st.sampled_from(["bob", "eve"])),
)
def test_roles_are_what_was_given_last(team, elsewhere, still, changes, disabled):
    if len(team.list_projects()) == 1:
        team.add_project("vision")
        team.add_user("eve", "eve's password")
    for project in PROJECTS:
        for name in NAMES:
            team.set_member(project, name, None)
            team.set_user(name, disabled=False)
    given_roles = {}
    for project, name, role, looks in changes:
        team.set_member(project, team.get_user(name), role)
        given_roles[project, name] = role
        if looks:  # what was seen before a change must not stay
            assert team.role_in(team.get_user("eve"), project) == given_roles.get((project, "eve"))
    for name in ("bob", "eve"):
        team.set_user(name, disabled=name in disabled)
    still.forward(seconds=2)
    for view in (team, elsewhere):
        for user in view.list_users():
            expected = {
                project: Role.OWNER if user.is_owner else given_roles.get((project, user.name))
                for project in PROJECTS
            }
            if user.disabled:
                expected = dict.fromkeys(PROJECTS)
            assert {project: view.role_in(user, project) for project in PROJECTS} == expected
            seen = {project: role for project, role in expected.items() if role is not None}
            assert view.roles_of(user) == seen
        for project in PROJECTS:
            listed = [
                Member(view.get_user(name), role)
                for name in NAMES
                if (role := given_roles.get((project, name))) is not None
            ]
            assert view.list_members(project) == listed


def test_a_change_of_roles_elsewhere_is_seen_within_two_seconds(team, elsewhere, still):
    bob = team.get_user("bob")
    team.set_member("default", "bob", Role.EDITOR)
    assert elsewhere.role_in(bob, "default") is Role.EDITOR
    team.set_member("default", "bob", None)
    assert team.role_in(bob, "default") is None
    still.forward(seconds=2)
    assert elsewhere.role_in(bob, "default") is None


def test_members_need_a_project_and_a_user(team):
    with pytest.raises(NotFound, match="project"):
        team.set_member("nowhere", "bob", Role.VIEWER)
    with pytest.raises(NotFound, match="project"):
        team.list_members("nowhere")
    with pytest.raises(NotFound, match="user"):
        team.set_member("default", "eve", Role.VIEWER)
    assert team.role_in(team.get_user("bob"), "nowhere") is None


def test_views_of_a_repository_know_the_same_people(team):
    view = team.view(who="ada", project="default")
    bob = team.get_user("bob")
    assert view.role_in(bob, "default") is None
    team.set_member("default", "bob", Role.VIEWER)
    assert view.role_in(bob, "default") is Role.VIEWER
    view.set_member("default", "bob", None)
    assert team.role_in(bob, "default") is None


# -- protected aliases


def test_an_alias_is_protected_until_that_is_lifted(team):
    add_version(team)
    assert not team.is_protected("model/net", "production")
    team.protect_alias("model/net", "production", True)
    team.protect_alias("model/net", "production", True)
    team.set_alias("model/net:v1", "production")
    assert team.is_protected("model/net:v1", "production")
    assert not team.is_protected("model/net", "staging")
    assert team.list_protected("model/net") == ["production"]
    team.remove_alias("model/net", "production")
    assert team.list_protected("model/net") == ["production"]
    team.protect_alias("model/net", "production", False)
    assert team.list_protected("model/net") == []
    with pytest.raises(NotFound):
        team.protect_alias("model/none", "production", True)
    with pytest.raises(InvalidInput):
        team.protect_alias("model/net", "latest", True)


# -- the audit


def test_every_change_of_people_is_in_the_audit_with_who_and_to_whom(team):
    view = team.view(who="ada")
    newest = team.list_audit(limit=1)[0].key
    add_version(view)
    view.add_user("eve", "eve's password")
    view.set_user("eve", owner=True)
    view.set_user("eve", password="another of eve's", disabled=True)
    view.set_member("default", "bob", Role.EDITOR)
    view.set_member("default", "bob", None)
    _, token = view.add_token("bob", "ci", role=Role.VIEWER, project="default")
    view.remove_token("bob", token.id)
    secret, _ = view.sign_in(view.get_user("bob"))
    view.sign_out(secret)
    view.protect_alias("model/net", "production", True)
    view.set_alias("model/net:v1", "production")
    view.protect_alias("model/net", "production", False)
    rows = [row for row in team.list_audit()[::-1] if row.key > newest]
    told = [(row.who, row.action, row.target, row.project) for row in rows]
    assert [one for one in told if not one[1].startswith(("version", "asset"))] == [
        ("ada", "user.add", "eve", None),
        ("ada", "user.set", "eve", None),
        ("ada", "user.set", "eve", None),
        ("ada", "member.set", "bob", "default"),
        ("ada", "member.set", "bob", "default"),
        ("ada", "token.add", "bob", None),
        ("ada", "token.remove", "bob", None),
        ("bob", "sign-in.add", "bob", None),
        ("ada", "sign-in.remove", "bob", None),
        ("ada", "alias.protect", "model/net:production", "default"),
        ("ada", "alias.set", "model/net:production", "default"),
        ("ada", "alias.protect", "model/net:production", "default"),
    ]
    details = {row.action: row.detail for row in rows}
    assert details["user.set"] == {"disabled": True, "password": "changed"}
    assert details["member.set"] == {"role": None, "previous": "editor"}


def test_the_audit_is_read_by_pages_and_by_project(team):
    team.add_project("vision")
    for number in range(5):
        add_version(team, "vision/model/net", b"%d" % number)
        add_version(team, "model/net", b"%d" % number)
    whole = team.list_audit(limit=1000)
    paged, below = [], None
    while page := team.list_audit(limit=3, below=below):
        paged += page
        below = page[-1].key
    assert paged == whole
    vision = team.list_audit(project="vision", limit=1000)
    assert vision == [row for row in whole if row.project == "vision"]
    added = [row.target for row in vision if row.action == "version.add"]
    assert added[:2] == ["vision/model/net:v5", "vision/model/net:v4"]
    assert any(row.action == "edge.add" for row in vision)
    assert team.list_audit(project="nowhere") == []


def test_a_refused_change_leaves_nothing_in_the_audit(team):
    before = team.list_audit()
    for refused in (
        lambda: team.set_user("ada", disabled=True),
        lambda: team.add_user("bob", "battery staple"),
        lambda: team.add_token("bob", "ci", project="nowhere"),
        lambda: team.set_member("default", "eve", Role.OWNER),
    ):
        with pytest.raises((Conflict, NotFound)):
            refused()
    assert team.list_audit() == before


def test_accounts_are_part_of_a_backup(team, tmp_path, still):
    add_version(team)
    team.set_member("default", "bob", Role.VIEWER)
    team.back_up(str(tmp_path / "vault"))
    Repository.restore(str(tmp_path / "vault"), tmp_path / "again")
    with Repository.open(tmp_path / "again", who="x", clock=still) as restored:
        assert restored.check_password("bob", "battery staple").name == "bob"
        assert restored.role_in(restored.get_user("bob"), "default") is Role.VIEWER
