"""The bytes that `docs/format.md` fixes: objects, tree nodes, chunk lists, pages, packs."""
