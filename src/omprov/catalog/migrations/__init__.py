"""The migrations of the catalog, one chain for every database; `_migrations` runs them."""
