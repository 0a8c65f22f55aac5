"""A Dagster asset graph that carries sales calls, e-mails and deals from BigQuery to a coaching application."""
