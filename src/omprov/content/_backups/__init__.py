"""Whole repositories in a folder or bucket, and back."""
