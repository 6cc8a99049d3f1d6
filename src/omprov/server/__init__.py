"""The server: the calls of `Repository` as REST, for people and for the tools that they have."""
