"""Which layout of the tables this release reads and writes."""

SCHEMA = "0005"
"""The newest migration; a test holds it to be the head of the chain."""
