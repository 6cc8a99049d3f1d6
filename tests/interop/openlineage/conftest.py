"""Fixtures of the tests of foreign protocols."""

from lineage_serving import lineage_repository, lineage_server

__all__ = ["lineage_repository", "lineage_server"]
