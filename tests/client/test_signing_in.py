"""Signing in to a server that wants it, and to one that does not."""

from __future__ import annotations

import json
import stat

import pytest
from click.testing import CliRunner
from live_servers import LiveServer

from omprov._front import connect, credentials
from omprov.cli import application
from omprov.cli._signing_in import make_token
from omprov.errors import NotFound, NotSignedIn
from omprov.records import Role
from omprov.repository import Repository

PASSWORD = "correct horse battery"


@pytest.fixture
def guarded(tmp_path, clock, monkeypatch):
    """A server on which ada is owner, and bob edits one project of two."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("OMPROV_TOKEN", "OMPROV_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with Repository.create(tmp_path / "server", who="ada", clock=clock) as repository:
        repository.add_user("ada", PASSWORD, owner=True)
        repository.add_user("bob", PASSWORD)
        repository.add_project("secret")
        repository.set_member("default", "bob", Role.EDITOR)
        view = repository.view(who="ada", project="secret")
        view.add_version("dataset/hidden", {"a": b"secret" * 100})
    server = LiveServer(tmp_path / "server", clock=clock)
    yield server
    server.stop()


def omprov(*words, code=0, stdin=None):
    result = CliRunner().invoke(application, [words[0], "--json", *words[1:]], input=stdin)
    assert result.exit_code == code, result.output + result.stderr
    return json.loads(result.stdout or "{}")


def test_whoever_has_not_signed_in_is_told_how(guarded):
    wanted = pytest.raises(NotSignedIn, match=f"omprov login {guarded.url}")
    with connect(guarded.url) as repository, wanted:
        repository.list_projects()


def test_a_token_is_kept_for_its_owner_alone_and_forgotten(guarded):
    token = make_token(guarded.url, "bob", PASSWORD)
    said = omprov("login", guarded.url, "--token-stdin", stdin=token + "\n")
    assert said == {"url": guarded.url, "who": "bob", "kept": True}
    (kept,) = credentials()._file.parent.glob("credentials")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with connect(guarded.url) as repository:
        added = repository.add_version("dataset/d", {"a": b"1"})
        assert added.version.creator == "bob"
    assert omprov("logout", guarded.url)["forgotten"]
    assert not omprov("logout", guarded.url)["forgotten"]
    with connect(guarded.url) as repository, pytest.raises(NotSignedIn):
        repository.list_projects()


def test_a_wrong_token_or_password_is_kept_nowhere(guarded):
    omprov("login", guarded.url, "--token-stdin", stdin="omp_wrong\n", code=5)
    with pytest.raises(NotSignedIn, match="name and password"):
        make_token(guarded.url, "bob", "wrong")
    assert credentials().urls() == []


def test_the_token_of_the_environment_comes_first(guarded, monkeypatch):
    credentials().keep(guarded.url, "omp_old", "bob")
    monkeypatch.setenv("OMPROV_TOKEN", make_token(guarded.url, "ada", PASSWORD))
    with connect(guarded.url) as repository:
        assert [one.name for one in repository.list_projects()] == ["default", "secret"]


def test_content_of_a_project_that_is_not_seen_does_not_exist(guarded, clock):
    credentials().keep(guarded.url, make_token(guarded.url, "bob", PASSWORD), "bob")
    with Repository.open(guarded.settings.folder, who="ada", clock=clock) as behind:
        hidden = behind.get_version("secret/dataset/hidden")
    with connect(guarded.url) as repository:
        own = repository.add_version("dataset/d", {"a": b"1"}).version
        fetch = repository._fetch_of
        with pytest.raises(NotFound) as caught:
            repository.content.bring(hidden.digest, fetch(hidden))
        assert hidden.digest not in str(caught.value)
        with pytest.raises(NotFound):  # nor through a version that is seen
            repository.content.bring(hidden.digest, fetch(own))
        assert not repository.content.contains(hidden.digest)


def test_nothing_is_kept_where_nobody_signs_in(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert omprov("login", server.url) == {"url": server.url, "who": "ada", "kept": False}
    assert credentials().urls() == []
