"""Checks of both servers that run before a sync writes anything."""

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.bigquery.errors import DATASET_REMEDY, DatasetNotFound
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.migrate import check_compatible
from coaching_assets.postgres.retries import retried
from coaching_assets.publish.application import require_application_tables
from coaching_assets.settings import Settings


def check_connections(settings: Settings) -> None:
    """Check both connections before writing anything.

    Raises:
        SettingError: a setting is missing or wrong.
        CannotConnect: Postgres refuses the connection or does not answer.
        SourceError: BigQuery refuses access or does not answer, or Gong's dataset does not exist.
        SchemaTooNew: a newer program changed the schema `coaching_sync`.
        MissingTables: the application's tables do not exist.
    """

    def check_postgres() -> None:
        with connect(settings) as database:
            require_application_tables(database, settings.coaching_schema)
            check_compatible(database)

    retried(settings, check_postgres)
    if connect_bigquery(settings).table_names(settings.gong_dataset) is None:
        remedy = DATASET_REMEDY.format(setting="GONG_DATASET")
        raise DatasetNotFound(f"Dataset {settings.project()}.{settings.gong_dataset} does not exist. {remedy}")
