"""The routes, noun by noun. Each checks who asks, calls the repository, answers with what it gave."""
