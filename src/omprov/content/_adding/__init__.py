"""How folders and files come in: walked, read, cut, hashed, compressed, written into packs."""
