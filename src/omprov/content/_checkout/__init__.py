"""How files come back: what to do is planned, then done beside what stands there."""
