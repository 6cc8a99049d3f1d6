"""One module for each migration, oldest first. A released one is never changed."""
