"""The routes, noun by noun: each checks who asks, calls the repository, and answers."""
