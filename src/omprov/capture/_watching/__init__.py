"""Which files the processes of a run read and wrote, and which of them count."""
