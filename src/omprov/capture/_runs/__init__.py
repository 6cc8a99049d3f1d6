"""Runs that a script tells about itself: what it says is journaled, and delivered beside it."""
