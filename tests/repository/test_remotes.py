"""Remotes of a repository: in its settings, and content that goes there and back."""

from __future__ import annotations

import pytest

from omprov.content import RemoteSettings
from omprov.errors import AlreadyExists, InvalidInput, NotFound, SchemaMismatch, Unavailable
from omprov.repository import Repository, parse_size


@pytest.fixture
def url(tmp_path):
    return f"file://{tmp_path}/away"


@pytest.fixture
def other(tmp_path, clock):
    """Another repository that knows the same versions, but has no content of its own yet."""
    with Repository.create(tmp_path / "other", who="bob", clock=clock) as repository:
        yield repository


def test_the_first_remote_is_the_default(repo, url):
    assert repo.list_remotes() == []
    with pytest.raises(NotFound, match="omprov remote add"):
        repo.push()
    assert repo.add_remote("office", url) is False
    repo.add_remote("disk", url + "2")
    assert [remote.name for remote in repo.list_remotes()] == ["office", "disk"]
    repo.add_version("dataset/d", {"a": b"a"})
    assert repo.push().remote == RemoteSettings("office", url)
    assert repo.push(remote="disk").remote.url == url + "2"
    assert repo.push(remote=url + "3").packs == 1
    repo.remove_remote("office")
    assert repo.push().remote.name == "disk"
    with pytest.raises(NotFound, match="did you mean disk"):
        repo.push(remote="office")


def test_options_are_kept_and_secrets_are_not(repo, s3_url, s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    options = {"endpoint": s3_endpoint, "region": "eu-west-1"}
    repo.add_remote("s3", s3_url, options=options)
    assert repo.list_remotes() == [RemoteSettings("s3", s3_url, options)]
    assert "very-secret" not in (repo.path / "config").read_text()
    for secret in ("secret_access_key", "access_key_id", "token", "account_key", "sas_key"):
        with pytest.raises(InvalidInput, match="looks like a secret"):
            repo.add_remote("more", s3_url, options={secret: "x"})
    repo.add_version("dataset/d", {"a": b"a"})
    assert repo.push().packs == 1
    assert repo.add_remote("again", s3_url, options=options) is True


def test_remotes_that_cannot_be_are_refused_and_not_kept(repo, url, s3_options, tmp_path):
    repo.add_remote("office", url)
    with pytest.raises(AlreadyExists):
        repo.add_remote("office", url)
    for name in ("", "a/b", "-x", "a b"):
        with pytest.raises(InvalidInput):
            repo.add_remote(name, url)
    with pytest.raises(InvalidInput):
        repo.add_remote("x", "ftp://x")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "layout").write_text("omprov content store, layout 9\n")
    with pytest.raises(SchemaMismatch):
        repo.add_remote("newer", str(tmp_path / "newer"))
    with pytest.raises(NotFound):
        repo.remove_remote("newer")
    assert [remote.name for remote in repo.list_remotes()] == ["office"]


def test_content_goes_there_and_back(repo, other, url):
    files = {f"d/{n}": bytes([n]) * 1000 for n in range(200)}
    first = repo.add_version("dataset/d", files).version
    second = repo.add_version("dataset/d", {**files, "more": b"more"}).version
    same = repo.add_version("dataset/e", files).version
    sent = repo.push([first], remote=url)
    assert sent.moved == (first,)
    assert repo.push(remote=url).complete == (first, same)

    copied = other.add_version("dataset/d", second_summary(repo, second))
    with pytest.raises(NotFound):
        other.tree(copied.version)
    assert other.pull(remote=url).moved == (copied.version,)
    with other.open_file(copied.version, "more") as file:
        assert file.read() == b"more"


def second_summary(repo, version):
    """What a catalog that came from elsewhere says of a version's content."""
    from omprov.content import TreeSummary

    return TreeSummary(version.digest, version.size, version.files)


def test_a_version_that_is_named_has_to_be_there(repo, other, url):
    version = repo.add_version("dataset/d", {"a": b"a"}).version
    elsewhere = other.add_version("dataset/d", second_summary(repo, version)).version
    with pytest.raises(NotFound, match="not stored here"):
        other.push([elsewhere], remote=url)
    repo.push([repo.add_version("dataset/e", {"b": b"b"}).version], remote=url)
    with pytest.raises(NotFound, match="It is not in file://"):
        other.pull([elsewhere], remote=url)
    assert other.pull(remote=url).absent == (elsewhere,)


def test_files_are_read_straight_from_the_remotes_in_the_settings(repo, url, tmp_path, clock):
    version = repo.add_version("dataset/d", {"a": b"a", "b/c": b"c"}).version
    repo.push(remote=url)
    with Repository.create(tmp_path / "third", who="eve", clock=clock) as third:
        held = third.add_version("dataset/d", second_summary(repo, version)).version
        third.add_remote("office", url)
    with Repository.open(tmp_path / "third", who="eve", clock=clock) as third:
        assert third.open_file(held, "b/c").read() == b"c"
        third.checkout(held, tmp_path / "out")
        assert (tmp_path / "out" / "b" / "c").read_bytes() == b"c"
        newer = third.add_version("dataset/d", {"a": b"a", "b/c": b"d"}).version
        assert third.diff(held, newer).amount == 1


def test_an_unreachable_remote_does_not_keep_a_repository_from_opening(repo, reopen):
    repo.config.set_group("remote", "far", {"url": "s3://x/y", "option.endpoint": "http://[::1]:1"})
    version = reopen().add_version("dataset/d", {"a": b"a"}).version
    assert reopen().open_file(version, "a").read() == b"a"
    reopen().config.set_group("remote", "odd", {"url": "nonsense"})
    assert reopen().open_file(version, "a").read() == b"a"


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500M", 500 << 20), ("10G", 10 << 30), ("1.5k", 1536), ("2 TiB", 2 << 40)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "10X", "G"])
def test_what_is_no_size(repo, text):
    with pytest.raises(InvalidInput, match="no size"):
        repo.config.set("cache.limit", text)


def test_a_bucket_that_does_not_exist(repo, s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fake")
    with pytest.raises(Unavailable, match="no such bucket"):
        repo.add_remote("x", "s3://no-such-bucket/x", options={"endpoint": s3_endpoint})
    assert repo.list_remotes() == []
