"""Stores in buckets: what moves there and back, and what is read through them."""
