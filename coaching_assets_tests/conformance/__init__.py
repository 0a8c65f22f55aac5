"""The Postgres conformance suite: the whole life of an installation, on each version and in each environment."""
