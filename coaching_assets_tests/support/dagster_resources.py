"""The resources that Dagster passes to steps, sensors and schedules, for tests that call these directly."""

from coaching_assets.defs.resources import BigQueryResource, PostgresResource, SettingsResource


def servers() -> tuple[BigQueryResource, PostgresResource]:
    """BigQuery and Postgres as the environment says."""
    settings = SettingsResource()
    return BigQueryResource(settings=settings), PostgresResource(settings=settings)
