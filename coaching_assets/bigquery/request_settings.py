"""Timeouts and the user agent of every request to BigQuery."""

USER_AGENT = "coaching-assets"

REQUEST_SECONDS = 30.0
"""The timeout of one attempt of a request."""
RETRY_SECONDS = 60.0
"""How long a failed request is retried. Google's default is ten minutes."""
EMULATOR_RETRY_SECONDS = 3.0
"""The same for an emulator, which runs or does not run."""
QUERY_SECONDS = 900.0
"""How long a query job may run."""
