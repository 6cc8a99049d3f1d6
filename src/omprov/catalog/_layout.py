"""Which layout of the tables this release reads and writes."""

SCHEMA = "0006"
"""The newest migration; a test holds it to be the head of the chain."""
