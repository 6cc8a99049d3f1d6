"""What users, their secrets, their roles, and protected aliases must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import StoredSignIn, Tries
from omprov.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from omprov.records import AssetId, AssetName, Digest, Kind, Member, Role, TokenId, User, UserId

if TYPE_CHECKING:
    from omprov.catalog import Catalog

from ._scene import NASTY, NOW, NeedsCatalog, Scene

LATER = NOW + timedelta(hours=1)
SECRET = Digest("5e" * 32)
OTHER = Digest("07" * 32)
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


def two_users(catalog: Catalog) -> tuple[User, User]:
    """Make ada, who owns the server, and bob."""
    with catalog.write("ann", NOW) as writer:
        ada = writer.add_user("ada", HASH, is_owner=True)
        return ada, writer.add_user("bob", HASH + "b", is_owner=False)


class UserContract(NeedsCatalog):
    """What users and members must do."""

    def test_users_are_found_by_name(self, catalog: Catalog) -> None:
        with catalog.read() as reader:
            assert not reader.has_users()
        ada, bob = two_users(catalog)
        assert (ada.is_owner, ada.disabled, ada.created) == (True, False, NOW)
        with catalog.read() as reader:
            assert reader.has_users()
            assert reader.list_users() == [ada, bob]
            assert reader.find_user("bob") == bob
            assert reader.find_password("bob") == (bob, HASH + "b")
            assert reader.find_user("eve") is None
            assert reader.find_password("eve") is None

    def test_a_name_is_taken_for_ever(self, catalog: Catalog) -> None:
        _, bob = two_users(catalog)
        with catalog.write("ann", NOW) as writer:
            writer.set_user(bob.id, disabled=True)
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            writer.add_user("bob", HASH, is_owner=False)
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.add_user("Bob B.", HASH, is_owner=False)

    def test_somebody_always_owns_the_server(self, catalog: Catalog) -> None:
        with pytest.raises(Conflict, match="first"), catalog.write("ann", NOW) as writer:
            writer.add_user("bob", HASH, is_owner=False)
        ada, bob = two_users(catalog)
        with pytest.raises(Conflict, match="ada"), catalog.write("ann", NOW) as writer:
            writer.set_user(ada.id, disabled=True)
        with pytest.raises(Conflict, match="ada"), catalog.write("ann", NOW) as writer:
            writer.set_user(ada.id, is_owner=False)
        with catalog.write("ann", NOW) as writer:
            writer.set_user(bob.id, is_owner=True)
            assert writer.set_user(ada.id, disabled=True).disabled
        with pytest.raises(Conflict, match="bob"), catalog.write("ann", NOW) as writer:
            writer.set_user(bob.id, is_owner=False)
        assert catalog.check() == []

    def test_a_change_of_a_user_is_in_the_audit_without_the_hash(self, catalog: Catalog) -> None:
        _, bob = two_users(catalog)
        with catalog.write("ada", LATER) as writer:
            position, rows = writer.position(), len(writer.list_audit())
            assert writer.set_user(bob.id) == writer.set_user(bob.id, is_owner=False) == bob
            assert len(writer.list_audit()) == rows
            changed = writer.set_user(bob.id, is_owner=True, password=HASH + "c")
            assert changed == replace(bob, is_owner=True)
            newest = writer.list_audit()[0]
            assert writer.position() == position
        assert (newest.who, newest.time, newest.action) == ("ada", LATER, "user.set")
        assert (newest.target, newest.project) == ("bob", None)
        assert newest.detail == {"is_owner": True, "password": "changed"}
        with catalog.read() as reader:
            assert HASH not in str(reader.list_audit())
        with pytest.raises(NotFound), catalog.write("ann", NOW) as writer:
            writer.set_user(UserId("none"), disabled=True)

    def test_a_hash_is_renewed_only_where_it_is_the_old_one(self, catalog: Catalog) -> None:
        ada, _ = two_users(catalog)
        with catalog.write("ada", NOW) as writer:
            rows = len(writer.list_audit())
            writer.renew_hash(ada.id, "another", "new")
            assert writer.find_password("ada") == (ada, HASH)
            writer.renew_hash(ada.id, HASH, "new")
            assert writer.find_password("ada") == (ada, "new")
            assert len(writer.list_audit()) == rows

    @pytest.mark.usefixtures("scene")
    def test_members_have_a_role_in_a_project(self, catalog: Catalog) -> None:
        ada, bob = two_users(catalog)
        with catalog.write("ada", NOW) as writer:
            writer.add_project("vision")
            writer.set_member("vision", bob.id, Role.VIEWER)
            writer.set_member("vision", ada.id, Role.OWNER)
            writer.set_member("default", bob.id, Role.EDITOR)
            writer.set_member("vision", bob.id, Role.EDITOR)
            rows = writer.list_audit(limit=1)
            writer.set_member("vision", bob.id, Role.EDITOR)
            assert writer.list_audit(limit=1) == rows
        assert (rows[0].target, rows[0].project) == ("bob", "vision")
        assert rows[0].detail == {"role": "editor", "previous": "viewer"}
        with catalog.read() as reader:
            assert reader.roles_of(bob.id) == {"default": Role.EDITOR, "vision": Role.EDITOR}
            assert reader.roles_of(UserId("none")) == {}
            members = [Member(ada, Role.OWNER), Member(bob, Role.EDITOR)]
            assert reader.list_members("vision") == members
            assert reader.list_members("nowhere") == []
        with catalog.write("ada", NOW) as writer:
            writer.set_member("vision", bob.id, None)
            writer.set_member("vision", bob.id, None)
            assert writer.roles_of(bob.id) == {"default": Role.EDITOR}
        with pytest.raises(NotFound, match="project"), catalog.write("ada", NOW) as writer:
            writer.set_member("nowhere", bob.id, Role.VIEWER)
        with pytest.raises(NotFound, match="user"), catalog.write("ada", NOW) as writer:
            writer.set_member("vision", UserId("none"), None)


class SecretContract(NeedsCatalog):
    """What tokens, sessions and failed tries must do."""

    @pytest.mark.usefixtures("scene")
    def test_a_token_is_found_by_the_digest_of_its_secret(self, catalog: Catalog) -> None:
        ada, bob = two_users(catalog)
        with catalog.write("ada", NOW) as writer:
            first = writer.add_token(
                bob.id, name=NASTY, role=Role.VIEWER, project=None, expires=None, digest=SECRET
            )
            second = writer.add_token(
                bob.id, name="ci", role=Role.EDITOR, project="default", expires=LATER, digest=OTHER
            )
        assert (first.user, first.name, first.project, first.last_used) == (
            "bob",
            NASTY,
            None,
            None,
        )
        assert (second.project, second.expires, second.created) == ("default", LATER, NOW)
        with catalog.read() as reader:
            assert reader.find_token(SECRET) == (bob, first)
            assert reader.find_token(Digest("00" * 32)) is None
            assert reader.list_tokens(bob.id) == [first, second]
            assert reader.list_tokens(ada.id) == []
            assert SECRET not in str(reader.list_audit())
        with catalog.write("ada", LATER) as writer:
            writer.note_token_used(first.id)
            writer.note_token_used(TokenId("none"))
            disabled = writer.set_user(bob.id, disabled=True)
            assert writer.find_token(SECRET) == (disabled, replace(first, last_used=LATER))

    def test_a_removed_token_is_gone_and_only_its_user_s_can_be(self, catalog: Catalog) -> None:
        ada, bob = two_users(catalog)
        with catalog.write("ada", NOW) as writer:
            token = writer.add_token(
                bob.id, name="ci", role=Role.OWNER, project=None, expires=None, digest=SECRET
            )
        for user in (ada.id, UserId("none")):
            with pytest.raises(NotFound), catalog.write("ada", NOW) as writer:
                writer.remove_token(user, token.id)
        with catalog.write("ada", NOW) as writer:
            writer.remove_token(bob.id, token.id)
            assert writer.find_token(SECRET) is None
            newest = writer.list_audit()[0]
        assert (newest.action, newest.target) == ("token.remove", "bob")
        assert newest.detail == {"id": token.id, "name": "ci"}

    def test_a_token_needs_its_user_and_project_and_a_secret_of_its_own(
        self, catalog: Catalog
    ) -> None:
        _, bob = two_users(catalog)

        def add(user: UserId, project: str | None, digest: Digest) -> None:
            with catalog.write("ada", NOW) as writer:
                writer.add_token(
                    user, name="x", role=Role.OWNER, project=project, expires=None, digest=digest
                )

        add(bob.id, None, SECRET)
        with pytest.raises(NotFound, match="user"):
            add(UserId("none"), None, OTHER)
        with pytest.raises(NotFound, match="project"):
            add(bob.id, "nowhere", OTHER)
        with pytest.raises((Conflict, InvalidInput)):
            add(bob.id, None, SECRET)
        assert catalog.check() == []

    def test_a_session_is_found_used_and_ended(self, catalog: Catalog) -> None:
        _, bob = two_users(catalog)
        with catalog.write("bob", NOW) as writer:
            writer.add_sign_in(bob.id, SECRET, LATER)
        with catalog.read() as reader:
            assert reader.find_sign_in(SECRET) == StoredSignIn(bob, NOW, LATER, NOW)
            assert reader.find_sign_in(OTHER) is None
        soon = NOW + timedelta(minutes=5)
        with catalog.write("bob", soon) as writer:
            writer.note_sign_in_used(SECRET)
            writer.note_sign_in_used(OTHER)
            assert writer.find_sign_in(SECRET) == StoredSignIn(bob, NOW, LATER, soon)
            writer.remove_sign_in(SECRET)
            writer.remove_sign_in(SECRET)
            assert writer.find_sign_in(SECRET) is None
            actions = [row.action for row in writer.list_audit(limit=2)]
        assert actions == ["sign-in.remove", "sign-in.add"]

    def test_stale_sessions_are_forgotten_at_the_very_moment(self, catalog: Catalog) -> None:
        _, bob = two_users(catalog)
        with catalog.write("bob", NOW) as writer:
            writer.add_sign_in(bob.id, SECRET, LATER)
        instant = timedelta(microseconds=1)
        with catalog.write("bob", LATER - instant) as writer:
            writer.remove_stale_sign_ins(NOW - instant)
            assert writer.find_sign_in(SECRET) is not None
            writer.add_sign_in(bob.id, OTHER, LATER + instant)
        with catalog.write("bob", LATER) as writer:
            writer.remove_stale_sign_ins(NOW - instant)
            assert writer.find_sign_in(SECRET) is None
            assert writer.find_sign_in(OTHER) is not None
            writer.remove_stale_sign_ins(LATER - instant)
            assert writer.find_sign_in(OTHER) is None

    @pytest.mark.parametrize("change", [{"password": "new"}, {"disabled": True}])
    def test_such_a_change_ends_all_sessions_of_that_user_alone(
        self, catalog: Catalog, change: dict[str, str | bool]
    ) -> None:
        ada, bob = two_users(catalog)
        with catalog.write("bob", NOW) as writer:
            writer.add_sign_in(bob.id, SECRET, LATER)
            writer.add_sign_in(ada.id, OTHER, LATER)
            writer.put_tries({SECRET: Tries(user=bob.id), OTHER: Tries(user=ada.id)})
            writer.set_user(bob.id, is_owner=True)
            assert writer.find_sign_in(SECRET) is not None
            writer.set_user(bob.id, **change)  # type: ignore[arg-type]
            assert writer.find_sign_in(SECRET) is None
            assert writer.find_sign_in(OTHER) is not None
            assert writer.find_tries([SECRET, OTHER]).keys() == {OTHER}

    def test_tries_come_back_as_they_were_put(self, catalog: Catalog) -> None:
        _, bob = two_users(catalog)
        first = Tries((NOW, LATER), 2, LATER)
        with catalog.write("x", NOW) as writer:
            writer.put_tries({})
            writer.put_tries({SECRET: Tries((NOW,)), OTHER: Tries(user=bob.id)})
            writer.put_tries({SECRET: first})
        with catalog.read() as reader:
            asked = [SECRET, OTHER, Digest("00" * 32)]
            assert reader.find_tries(asked) == {SECRET: first, OTHER: Tries(user=bob.id)}
        with catalog.write("x", LATER) as writer:
            writer.remove_stale_tries(NOW, known_before=NOW)
            assert len(writer.find_tries(asked)) == 2
            writer.remove_stale_tries(LATER, known_before=NOW)
            assert writer.find_tries(asked).keys() == {OTHER}
            writer.remove_stale_tries(LATER, known_before=LATER)
            assert writer.find_tries(asked) == {}


class ProtectionContract(NeedsCatalog):
    """What protected aliases, and the audit of a project, must do."""

    def test_an_alias_is_protected_be_it_set_or_not(self, catalog: Catalog, scene: Scene) -> None:
        name = scene.model.name
        with catalog.write("ann", NOW) as writer:
            writer.set_protected(scene.model.id, "production", protected=True)
            rows = writer.list_audit(limit=1)
            writer.set_protected(scene.model.id, "production", protected=True)
            assert writer.list_audit(limit=1) == rows
            writer.set_protected(scene.model.id, "best", protected=True)
            writer.set_protected(scene.algorithm.id, "other", protected=True)
            assert writer.list_protected(name) == ["best", "production"]
            writer.set_protected(scene.model.id, "best", protected=False)
            writer.set_alias(scene.model.id, "production", scene.made.key)
            writer.set_alias(scene.model.id, "production", None)
        assert (rows[0].action, rows[0].target) == ("alias.protect", "model/net:production")
        with catalog.read() as reader:
            assert reader.list_protected(name) == ["production"]
            assert reader.list_protected(AssetName("default", Kind.MODEL, "none")) == []
        for bad in ("latest", "v3", "No"):
            with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
                writer.set_protected(scene.model.id, bad, protected=True)
        with pytest.raises(NotFound), catalog.write("ann", NOW) as writer:
            writer.set_protected(AssetId("none"), "best", protected=True)

    def test_the_last_move_of_an_alias_is_known(self, catalog: Catalog, scene: Scene) -> None:
        first, second, _ = scene.steps
        name = scene.algorithm.name
        with catalog.write("ann", NOW) as writer:
            assert writer.last_move(name, "best") is None
            writer.set_alias(scene.algorithm.id, "best", first.key)
            writer.set_alias(scene.algorithm.id, "other", second.key)
        with catalog.write("bob", LATER) as writer:
            writer.set_alias(scene.algorithm.id, "best", second.key)
            inside = writer.last_move(name, "best")
        with catalog.read() as reader:
            moved = reader.last_move(name, "best")
        assert moved == inside
        assert moved is not None
        assert (moved.who, moved.time) == ("bob", LATER)
        assert moved.detail == {"version": second.key, "previous": first.key}
        with catalog.write("eve", LATER) as writer:
            writer.remove_version(second.key)
            dropped = writer.last_move(name, "best")
        assert dropped is not None
        assert (dropped.who, dropped.detail["version"]) == ("eve", None)

    def test_the_audit_is_read_by_pages_and_by_project(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("bob", LATER) as writer:
            writer.add_project("vision")
            asset = writer.add_asset(AssetName("vision", Kind.MODEL, "net"))
            writer.set_tags(asset.id, {"a": "b"})
            writer.set_tags(scene.run, {"a": "b"})
            writer.add_audit("repository.gc", "content", {})
        with catalog.read() as reader:
            whole = reader.list_audit()
            keys = [row.key for row in whole]
            assert keys == sorted(set(keys), reverse=True)
            paged = reader.list_audit(limit=3)
            while page := reader.list_audit(limit=3, below=paged[-1].key):
                paged += page
            assert paged == whole
            seen = reader.list_audit(project="vision")
            assert [row.action for row in seen] == ["tag.set", "asset.add", "project.add"]
            assert {row.project for row in seen} == {"vision"}
            assert reader.list_audit(project="vision", below=seen[0].key, limit=1) == seen[1:2]
            assert reader.list_audit(project="nowhere") == []
            rest = [row.action for row in whole if row.project is None]
            assert rest == ["repository.gc"]


class PeopleContract(UserContract, SecretContract, ProtectionContract):
    """What a catalog must do for the people of a shared server."""
