"""A server before the BigQuery emulator that behaves as Google documents where the emulator does not."""
