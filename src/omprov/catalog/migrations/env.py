"""How Alembic reaches the database: through the connection, and the transaction, it is handed."""

from __future__ import annotations

from alembic import context

from omprov.catalog._tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's is, whatever Alembic assumes: all or nothing
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
