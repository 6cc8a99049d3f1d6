"""What must hold in a catalog beyond what the database itself enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SHOWN = 20

_RULES = (
    (
        "an edge joins versions of different kinds: {} → {}",
        """
        SELECT edge.newer, edge.older FROM edge
        JOIN version AS n ON n.key = edge.newer JOIN asset AS na ON na.key = n.asset_key
        JOIN version AS o ON o.key = edge.older JOIN asset AS oa ON oa.key = o.asset_key
        WHERE na.kind <> oa.kind
        """,
    ),
    (
        "an inferred edge has an end that no run made: {} → {}",
        """
        SELECT edge.newer, edge.older FROM edge
        JOIN version AS n ON n.key = edge.newer JOIN version AS o ON o.key = edge.older
        WHERE edge.origin = 'inferred' AND (n.run_key IS NULL OR o.run_key IS NULL)
        """,
    ),
    (
        "an edge has a weight that is none: {} → {} ({})",
        "SELECT newer, older, weight FROM edge WHERE weight < 0 OR weight > 1.7e308",
    ),
    (
        "{}/{} has {} versions, but the newest is v{}",
        """
        SELECT asset.kind, asset.name, count(*), max(version.number)
        FROM version JOIN asset ON asset.key = version.asset_key
        GROUP BY asset.key, asset.kind, asset.name
        HAVING count(*) <> max(version.number) OR min(version.number) <> 1
        """,
    ),
    (
        "the versions with the keys {} and {} stand in another order than their numbers",
        """
        SELECT version.key, following.key FROM version
        JOIN version AS following ON following.asset_key = version.asset_key
        AND following.number = version.number + 1
        WHERE following.key < version.key
        """,
    ),
    (
        "the run {} lists as its output the version {}, which another run, or none, made",
        """
        SELECT run.id, version.id FROM run_output
        JOIN run ON run.key = run_output.run_key
        JOIN version ON version.key = run_output.version_key
        WHERE version.run_key IS NULL OR version.run_key <> run_output.run_key
        """,
    ),
    (
        "the alias {} points to a version of another asset: {}",
        """
        SELECT alias.name, version.id FROM alias JOIN version ON version.key = alias.version_key
        WHERE version.asset_key <> alias.asset_key
        """,
    ),
    (
        "the alias {} points to a removed version: {}",
        """
        SELECT alias.name, version.id FROM alias JOIN version ON version.key = alias.version_key
        WHERE version.removed IS NOT NULL
        """,
    ),
    (
        "the change feed ends at {}, but its counter stands at {}",
        """
        SELECT newest.position, repository.feed_position FROM repository
        CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM feed) AS newest
        WHERE newest.position <> repository.feed_position
        """,
    ),
    (
        "the change feed has {} rows up to position {}",
        """
        SELECT count(*), max(position) FROM feed
        HAVING count(*) <> max(position) OR min(position) <> 1
        """,
    ),
    (
        "the version with the key {} is missing from the change feed",
        """
        SELECT key FROM version EXCEPT
        SELECT version_key FROM feed WHERE kind IN ('uploaded', 'produced')
        """,
    ),
    (
        "none of the {} users owns the server and can sign in",
        """
        SELECT count(*) FROM account
        HAVING count(*) > 0
        AND sum(CASE WHEN is_owner AND NOT disabled THEN 1 ELSE 0 END) = 0
        """,
    ),
    (
        "the tag {} belongs to nothing: {}",
        """
        SELECT tag.name, tag.target FROM tag
        WHERE NOT EXISTS (SELECT 1 FROM asset WHERE asset.id = tag.target)
        AND NOT EXISTS (SELECT 1 FROM version WHERE version.id = tag.target)
        AND NOT EXISTS (SELECT 1 FROM run WHERE run.id = tag.target)
        AND NOT EXISTS (SELECT 1 FROM mlflow_experiment AS e WHERE e.id = tag.target)
        AND NOT EXISTS (SELECT 1 FROM mlflow_logged_model AS m WHERE m.id = tag.target)
        """,
    ),
)


def broken_rules(connection: Connection) -> list[str]:
    """Return one sentence for each row that breaks a rule, at most twenty for each rule."""
    problems: list[str] = []
    for sentence, query in _RULES:
        rows = connection.execute(text(query)).fetchmany(_SHOWN + 1)
        problems += [sentence.format(*row) for row in rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            problems.append("… and more of this kind")
    return problems
