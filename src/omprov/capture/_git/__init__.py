"""Git: its history, its trees, and what of them becomes versions."""
