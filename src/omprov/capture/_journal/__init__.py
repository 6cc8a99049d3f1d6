"""The journal of a run: what it says of itself, appended to a file and delivered later."""
