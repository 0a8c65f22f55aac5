"""The resources of every job: settings, BigQuery, Postgres and dlt. A test replaces any of them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, ConfigurableResource, MaterializeResult, ResourceDependency
from pydantic import Field

from coaching_assets.bigquery import connect as connect_bigquery
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.settings import Settings, load_settings, usable_settings

if TYPE_CHECKING:
    from dlt.extract.source import DltSource
    from dlt.pipeline.pipeline import Pipeline

    from coaching_assets.bigquery.client import BigQuery


class SettingsResource(ConfigurableResource[None]):
    """The project's settings: the environment's, unless `overrides` names a setting (in lower case)."""

    overrides: dict[str, Any] = Field(default_factory=dict)

    def load(self) -> Settings:
        """Read the settings now.

        Raises:
            SettingError: a setting is wrong; the message names it and the remedy.
        """
        return load_settings(**self.overrides)

    def load_usable(self) -> Settings:
        """Read the settings now, with the default in place of each setting that is wrong."""
        return usable_settings(**self.overrides)[0]


class BigQueryResource(ConfigurableResource[None]):
    """The connection to BigQuery."""

    settings: ResourceDependency[SettingsResource]

    def connect(self) -> "BigQuery":
        """A client that connects on first use; it is a context manager.

        Raises:
            SettingError: the project or the key file is missing.
        """
        return connect_bigquery(self.settings.load())


class PostgresResource(ConfigurableResource[None]):
    """Connections to the application's Postgres."""

    settings: ResourceDependency[SettingsResource]

    def connect(self, *, autocommit: bool = False) -> AbstractContextManager[Connection]:
        """A connection; leaving the context closes it.

        Raises:
            SettingError: DATABASE_URL is missing or not a Postgres URL.
            CannotConnect: Postgres refuses or does not answer.
        """
        return connect(self.settings.load(), autocommit=autocommit)


class DltResource(ConfigurableResource[None]):
    """dagster-dlt's `DagsterDltResource`, imported when a table is loaded.

    Most syncs load no table, and importing dlt and dagster-dlt would take as long as such a sync.
    """

    def run(
        self,
        context: AssetExecutionContext,
        settings: Settings,
        tables: Mapping[str, SourceTable],
        pipeline: "Pipeline",
        source: "DltSource",
    ) -> Iterator[MaterializeResult[Any]]:
        """Extract, normalize and load the source's tables; yields a materialization for each."""
        from dagster_dlt import DagsterDltResource

        from coaching_assets.defs.dlt_translator import ReplicaTranslator

        return DagsterDltResource().run(  # type: ignore[return-value]
            context=context,
            dlt_source=source,
            dlt_pipeline=pipeline,
            dagster_dlt_translator=ReplicaTranslator(settings, tables),
        )


def default_resources() -> dict[str, ConfigurableResource[Any]]:
    """Resources that read the environment."""
    settings = SettingsResource()
    return {
        "settings": settings,
        "bigquery": BigQueryResource(settings=settings),
        "postgres": PostgresResource(settings=settings),
        "dlt": DltResource(),
    }
