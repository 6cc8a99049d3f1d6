"""Foreign standards, one package each: what they send becomes assets, versions and runs."""
