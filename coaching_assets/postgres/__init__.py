"""The application's Postgres: connections, errors and what its catalogue says."""
