"""Healing a store from remotes, and remotes from a store."""

from __future__ import annotations

import os
import random
import select
import signal
from datetime import timedelta

import pytest

from omprov.content import RemoteSettings, _reliance
from omprov.errors import Busy, NotFound
from omprov.repository import Repository


def flip(path, at=-1):
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def packs(folder):
    return sorted((folder / "packs").iterdir(), key=lambda path: -path.stat().st_size)


@pytest.fixture
def big(repo, tmp_path):
    """Three versions with small and large files, and the folder of the last."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = random.Random(1)
    (folder / "large").write_bytes(rng.randbytes(900_000))
    for _ in range(3):
        for name in ("a", "b"):
            (folder / name).write_bytes(rng.randbytes(3000))
        repo.add_version("dataset/d", folder)
    return repo


@pytest.fixture
def content(big):
    return big.path / "content"


def files(repo):
    return {
        version.number: {
            leaf.path: repo.open_file(version, leaf.path).read()
            for leaf in repo.tree(version).walk()
        }
        for version in repo.list_versions("dataset/d")
    }


@pytest.mark.parametrize("damage", ["bit", "footer", "cut", "gone", "empty"])
def test_damage_is_healed_from_a_remote(damage, big, content, tmp_path, clock):
    big.push(remote=str(tmp_path / "remote"))
    before = files(big)
    victims = packs(content)
    for victim in victims[:2]:
        whole = victim.read_bytes()
        if damage == "bit":
            flip(victim)
        elif damage == "footer":
            flip(victim, len(whole) - 100)
        elif damage == "cut":
            victim.write_bytes(whole[: len(whole) // 2])
        elif damage == "gone":
            victim.unlink()
        else:
            victim.write_bytes(b"")
    assert big.check()
    done = big.repair(remote=str(tmp_path / "remote"))
    assert big.check() == []
    assert files(big) == before
    assert {path.name for path in (content / "damaged").glob("*")} == (
        set() if damage == "gone" else {victim.name for victim in victims[:2]}
    )
    for one in done.packs:
        assert one.moved == content / "damaged" / f"{one.pack}.pack"
    assert (done.fetched > 0) == (damage != "footer")  # whose objects are whole
    assert done.problems == ()
    again = big.repair(remote=str(tmp_path / "remote"))
    assert (again.packs, again.fetched) == ((), 0)
    big.content.rebuild_index()
    assert big.check() == []


def test_a_backup_heals_as_well_as_a_remote(big, content, tmp_path):
    big.back_up(str(tmp_path / "vault"))
    before = files(big)
    flip(packs(content)[0])
    big.repair(remote=str(tmp_path / "vault"))
    assert big.check() == []
    assert files(big) == before


def test_remotes_of_the_settings_are_asked_in_their_order(big, content, tmp_path):
    """What the one lacks, the other may have."""
    versions = big.list_versions("dataset/d")
    for name, some in (("one", versions[:1]), ("two", versions[1:])):
        big.add_remote(name, str(tmp_path / name))
        big.push(some, remote=name)
    big.config.set_group("remote", "gone", {"url": str(tmp_path / "gone")})
    before = files(big)
    for pack in packs(content):
        pack.unlink()
    done = big.repair()
    assert big.check() == []
    assert files(big) == before
    assert done.fetched > 1


def test_what_is_whole_in_another_pack_needs_no_remote(big, content, tmp_path):
    """Of two packs with the same object, the damaged one is not missed."""
    folder = tmp_path / "data"
    twice = (content / "packs", packs(content)[0])
    saved = twice[1].read_bytes()
    twice[1].unlink()
    big.content.rebuild_index()
    big.content.distrust([version.digest for version in big.list_versions("dataset/d")])
    big.content.put_tree(folder)
    twice[1].write_bytes(saved)
    big.content.rebuild_index()
    flip(twice[1], 200)
    big.repair()
    assert [f for f in big.check() if "dataset/d:v3" in f.versions] == []


def test_without_remote_the_loss_is_named_and_adding_again_heals_it(big, content, tmp_path):
    victim = packs(content)[0]
    flip(victim)
    done = big.repair()
    (one,) = done.packs
    assert one.lost == 1
    assert one.saved > 1
    hit = {version for finding in big.check() for version in finding.versions}
    assert hit == {"dataset/d:v1", "dataset/d:v2", "dataset/d:v3"}
    big.add_version("dataset/d", tmp_path / "data")
    assert big.check() == []
    assert one.moved.exists()


@pytest.mark.parametrize("at", [3, -100])
def test_a_pack_of_which_every_object_is_whole_is_put_together_again(at, big, content):
    victim = packs(content)[0]
    flip(victim, at % victim.stat().st_size)
    before = files(big)
    (one,) = big.repair().packs
    assert one.lost == 0
    assert one.moved.exists()
    assert big.check() == []
    assert files(big) == before
    assert victim.exists()


def test_an_index_that_is_wrong_is_mended(big, content):
    name = packs(content)[0].stem
    big.content._index.forget(name, big.content._index.objects_of(name)[:2])
    assert big.check()
    (one,) = big.repair().packs
    assert one.moved is None
    assert big.check() == []


def test_nobody_mends_while_garbage_is_collected(big, content):
    flip(packs(content)[0])
    with _reliance.only_collector(content), pytest.raises(Busy):
        big.repair()
    assert not (content / "damaged").exists()


def test_what_was_mended_can_be_collected(big, content, tmp_path):
    big.push(remote=str(tmp_path / "remote"))
    before = files(big)
    flip(packs(content)[0])
    big.repair(remote=str(tmp_path / "remote"))
    big.collect(grace=timedelta(0))
    assert big.check() == []
    assert files(big) == before


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_damage_in_a_remote_is_found_and_healed(where, big, tmp_path, request):
    if where == "s3":
        options = request.getfixturevalue("s3_options")
        big.config.set_group(
            "remote",
            "r",
            {"url": request.getfixturevalue("s3_url")}
            | {f"option.{k}": v for k, v in options.items()},
        )
    else:
        big.add_remote("r", str(tmp_path / "remote"))
    big.push(remote="r")
    report = big.check_remote()
    assert report.findings == ()
    assert report.absent == 0
    remote = big.content.remote(big.list_remotes()[0])
    names = sorted(blob.name for blob in remote.bucket.list("packs"))
    data = bytearray(remote.bucket.read(names[0]))
    data[20] ^= 1
    remote.bucket.write(names[0], bytes(data))
    remote.bucket.delete(names[1])
    assert len(remote.index.packs()) == report.packs
    remote.close()
    for _ in range(2):  # looking changes nothing
        found = big.check_remote("r")
        assert {finding.room for finding in found.findings} == {"remote"}
        assert sum("pack" in f.what and "objects)" in f.what for f in found.findings) == 2
        hit = {version for finding in found.findings for version in finding.versions}
        assert hit
    quick = big.check_remote("r", every_byte=False)
    assert any("gone" in finding.what for finding in quick.findings)
    healed = big.check_remote("r", mend=True)
    assert healed.findings == ()
    assert sorted(healed.mended.sent) == sorted(n[6:-5] for n in names[:2])
    assert big.check_remote("r").findings == ()


def test_a_remote_is_healed_though_the_packs_have_other_names_here(big, content, tmp_path, clock):
    """Damaged packs there are rebuilt of what is whole there and here, and moved aside."""
    url, remote = str(tmp_path / "remote"), tmp_path / "remote"
    big.push(remote=url)
    for _ in range(9):
        big.add_version("dataset/other", {"x": os.urandom(10)})
    big.collect(grace=timedelta(0))  # merges packs
    damaged = packs(remote)
    assert not {p.name for p in damaged} & {p.name for p in packs(content)}
    flip(damaged[0])
    flip(damaged[1], damaged[1].stat().st_size - 70)
    damaged[2].unlink()
    healed = big.check_remote(url, mend=True)
    assert healed.findings == ()
    assert healed.mended.built == 2
    assert {path.name for path in (remote / "damaged").iterdir()} == {
        path.name for path in damaged[:2]
    }
    with Repository.create(tmp_path / "fresh", who="x", clock=clock) as fresh:
        digests = [version.digest for version in big.list_versions("dataset/d")]
        with_remote = fresh.content.remote(RemoteSettings("x", url))
        moved = fresh.content.pull(with_remote, digests)
        with_remote.close()
        assert moved.absent == []
        assert fresh.content.check_reachable(digests) == {}


def test_what_neither_side_has_stays_a_finding(big, content, tmp_path):
    url = str(tmp_path / "remote")
    big.push(remote=url)
    name = packs(content)[0].name
    flip(content / "packs" / name)
    flip(tmp_path / "remote" / "packs" / name)
    big.repair(remote=url)
    assert big.check()
    report = big.check_remote(url, mend=True)
    assert {v for f in report.findings for v in f.versions} == {
        "dataset/d:v1",
        "dataset/d:v2",
        "dataset/d:v3",
    }


def test_damage_in_backups_is_named_with_the_backups(big, tmp_path):
    url, vault = str(tmp_path / "vault"), tmp_path / "vault"
    backup = big.back_up(url).backup
    assert big.check_remote(url).findings == ()
    victim = packs(vault)[0]
    flip(victim)
    found = big.check_remote(url)
    assert any(backup.id in finding.what for finding in found.findings)
    assert big.check_remote(url, every_byte=False).findings == ()
    assert big.check_remote(url, mend=True).findings == ()
    victim.unlink()
    assert big.check_remote(url, every_byte=False).findings
    assert big.check_remote(url, mend=True).findings == ()
    flip(vault / "catalogs" / backup.catalog.digest)
    (finding,) = big.check_remote(url, mend=True).findings
    assert "its catalog is damaged" in finding.what
    flip(vault / "backups" / backup.id)
    (finding,) = big.check_remote(url).findings
    assert backup.id in finding.what


def test_versions_that_were_never_pushed_are_counted_not_blamed(big, tmp_path):
    url = str(tmp_path / "remote")
    big.push(["dataset/d:v1"], remote=url)
    report = big.check_remote(url)
    assert report.findings == ()
    assert report.absent == 2
    with pytest.raises(NotFound):
        big.check_remote(str(tmp_path / "nowhere"))
    with pytest.raises(NotFound):
        big.check_remote("unknown")


@pytest.mark.slow
def test_repairs_that_are_killed_lose_nothing_and_are_finished_by_the_next(big, content, tmp_path):
    remote, moments = str(tmp_path / "remote"), random.Random(7)
    big.push(remote=remote)
    before = files(big)
    killed = 0
    for number in range(24):
        victim = moments.choice(packs(content))
        match number % 3:
            case 0:
                flip(victim)
            case 1:
                victim.write_bytes(victim.read_bytes()[: moments.randrange(victim.stat().st_size)])
            case 2:
                victim.unlink()
        for _ in range(2):
            process = os.fork()
            if not process:
                with Repository.open(big.path, who="x", clock=big._clock) as repository:
                    repository.repair(remote=remote)
                os._exit(0)
            select.select([], [], [], moments.uniform(0, 0.15))
            os.kill(process, signal.SIGKILL)
            killed += os.waitpid(process, 0)[1] == signal.SIGKILL
        with Repository.open(big.path, who="x", clock=big._clock) as repository:
            repository.repair(remote=remote)
            assert repository.check() == []
            assert files(repository) == before
    assert killed > 5
