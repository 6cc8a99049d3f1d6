"""A repository on a server: the calls of `Repository`, over REST."""
