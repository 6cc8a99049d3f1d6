"""The kinds of assets."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an asset is. Inheritance never crosses kinds."""

    ALGORITHM = "algorithm"
    DATASET = "dataset"
    MODEL = "model"
    PARAMS = "params"
    ENVIRONMENT = "environment"
    SUMMARY = "summary"
    FILE = "file"
