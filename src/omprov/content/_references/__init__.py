"""Data that stays where it is: recorded, read, verified and guarded at its source."""
