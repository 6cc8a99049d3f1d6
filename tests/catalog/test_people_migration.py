"""A catalog of the layout before there were users gets them, and its audit learns its projects."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from importlib.resources import as_file, files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from omprov.catalog import migrate_catalog, open_catalog
from omprov.errors import SchemaMismatch
from omprov.records import AssetName, Kind, Role

AUDIT = [
    ("project.add", "vision", "vision"),
    ("asset.add", "vision/model/net", "vision"),
    ("asset.add", "dataset/digits", "default"),
    ("version.add", "dataset/digits:v1", "default"),
    ("alias.set", "vision/model/net:best", "vision"),
    ("declare edge", "dataset/digits:v1", "default"),
    ("run.add", "run-1", "vision"),
    ("run.metrics", "run-1", "vision"),
    ("tag.set", "run-1", "vision"),
    ("tag.set", "asset-2", "default"),
    ("tag.set", "version-1", "default"),
    ("edge.add", "2 declared", None),
    ("repository.gc", "content", None),
    ("alias.set", "gone/model/net:best", None),
]
ROWS = """
INSERT INTO repository VALUES (1, 0, '0.1.0');
INSERT INTO project VALUES (1, 'p-1', 'default', 1), (2, 'p-2', 'vision', 1);
INSERT INTO asset (key, id, project_key, kind, name, created, creator, description)
VALUES (1, 'asset-1', 2, 'model', 'net', 1, 'ann', ''),
       (2, 'asset-2', 1, 'dataset', 'digits', 1, 'ann', '');
INSERT INTO version
(key, id, asset_key, number, size, files, created, creator, message, source)
VALUES (1, 'version-1', 2, 1, 0, 0, 1, 'ann', '', '{}');
INSERT INTO run
(key, id, tail, project_key, name, status, started, creator, command, message, source)
VALUES (1, 'run-1', 'run-1', 2, 'train', 'succeeded', 1, 'ann', '[]', '', '{}');
INSERT INTO feed VALUES (1, 'uploaded', 1, 2, 1, '{"parents": []}');
UPDATE repository SET feed_position = 1;
"""


@pytest.fixture
def older(tmp_path):
    """A catalog that the chain made as far as its third migration, with some history."""
    path = tmp_path / "catalog.db"
    engine = create_engine(f"sqlite:///{path}")
    with as_file(files("omprov.catalog") / "migrations") as scripts, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ROWS)
        connection.executemany(
            "INSERT INTO audit (time, who, action, target, detail) VALUES (?, 'ann', ?, ?, ?)",
            [
                (number, action, target, json.dumps({"n": number}))
                for number, (action, target, _) in enumerate(AUDIT)
            ],
        )
        connection.commit()
    return path


def test_a_catalog_without_users_is_refused_until_it_is_migrated(older):
    with pytest.raises(SchemaMismatch, match=r"0003.*omprov migrate"):
        open_catalog(older)
    copy = migrate_catalog(older)
    assert copy.name == "catalog.db.0003.backup"
    with closing(open_catalog(older)) as catalog:
        assert catalog.check() == []
    with pytest.raises(SchemaMismatch, match="0003"):
        open_catalog(copy)


def test_the_audit_keeps_its_rows_and_learns_where_they_happened(older):
    migrate_catalog(older)
    with closing(open_catalog(older)) as catalog, catalog.read() as reader:
        rows = reader.list_audit()[::-1]
        vision = {row.key for row in reader.list_audit(project="vision")}
    assert [(row.action, row.target, row.project) for row in rows] == AUDIT
    assert [row.detail for row in rows] == [{"n": number} for number in range(len(AUDIT))]
    assert [row.key for row in rows] == list(range(1, len(AUDIT) + 1))
    assert vision == {row.key for row in rows if row.project == "vision"}


def test_people_can_be_added_to_what_was_there(older):
    migrate_catalog(older)
    with closing(open_catalog(older)) as catalog:
        with catalog.read() as reader:
            assert not reader.has_users()
            (version,) = reader.list_versions(AssetName("default", Kind.DATASET, "digits"))
            assert (version.id, version.creator) == ("version-1", "ann")
            now = version.created
        with catalog.write("ann", now) as writer:
            ada = writer.add_user("ada", "hash", is_owner=True)
            writer.set_member("vision", ada.id, Role.OWNER)
            writer.set_protected("asset-1", "best", protected=True)
        assert catalog.check() == []
