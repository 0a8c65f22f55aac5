"""dlt's Postgres destination with this project's merge: it indexes keys, skips unchanged rows, and counts rows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import FollowupJobRequest, LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables
from dlt.common.storages.load_package import LoadJobInfo
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.copying import CopyJob, rows_copied
from coaching_assets.replica.dlt_tables import KEY_HINT
from coaching_assets.replica.rejected_ranges import PROGRAM
from coaching_assets.replica.sql_client import ReplicaSqlClient
from coaching_assets.schema_names import STAGING

LOOKUP_HINT = "x-coaching-lookup-columns"
NEEDED_HINT = "x-coaching-needed-columns"
DELIVERED_HINT = "x-coaching-delivered-columns"
IDENTITIES_HINT = "x-coaching-identities"
DELETION_TIME_HINT = "x-coaching-deletion-time"
STAGED_HINT = "x-coaching-rows-staged"
"""Rows copied by one load. Set at run time, and not part of the stored schema."""


class MergeStagedJob(SqlMergeFollowupJob):
    """Merges a staged table through the SQL function `coaching_sync.merge_table`."""

    @classmethod
    def generate_sql(cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any]) -> list[str]:
        """Return one call of the function; dlt runs it in a separate transaction."""
        table = table_chain[0]
        assert table["name"] is not None
        target, staging = sql_client.get_qualified_table_names(table["name"])
        literal = sql_client.capabilities.escape_literal
        assert literal is not None
        hints: Mapping[str, Any] = table
        options = {
            "target": target,
            "staging": staging,
            "key": hints.get(KEY_HINT, []),
            "lookups": [column for column in hints.get(LOOKUP_HINT, []) if column in table["columns"]],
            "needed": hints.get(NEEDED_HINT, []),
            "delivered": hints.get(DELIVERED_HINT),
            "identities": json.loads(hints.get(IDENTITIES_HINT, "[]")),
            "rows_staged": hints.get(STAGED_HINT, 0),
            "deletion_time": bool(hints.get(DELETION_TIME_HINT)),
            "program": PROGRAM,
            "lock": asdict(lock) if (lock := sql_client.credentials.lock) else None,
        }
        return [f"select coaching_sync.merge_table({literal(json.dumps(options))}::jsonb)"]


class ReplicaClient(PostgresClient):
    """A Postgres client whose merges are `MergeStagedJob`s."""

    def __init__(
        self, schema: Schema, config: PostgresClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        """Replace dlt's SQL client."""
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = ReplicaSqlClient(*names, config.credentials, capabilities)

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """Create the job that loads one file."""
        job = super().create_load_job(table, file_path, load_id, restore)
        return CopyJob(file_path) if isinstance(job, PostgresParquetCopyJob) else job

    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        """Create the schema if it is missing; empty staging tables without the lock that dlt's `truncate` needs."""
        super().initialize_storage()
        for name in truncate_tables or ():
            table = self.sql_client.make_qualified_table_name(name)
            with self.sql_client.begin_transaction():
                self.sql_client.require_lock()
                self.sql_client.execute_sql("select coaching_sync.empty_staging(%s)", table)

    def update_stored_schema(
        self, only_tables: Iterable[str] | None = None, *arguments: Any, **options: Any
    ) -> TSchemaTables | None:
        """Create missing tables and columns, and let a publication cover the tables.

        dlt names the tables of the load and its own. Other tables of the stored schema may be somebody else's by now.
        """
        self.sql_client.require_lock()
        names = list(only_tables or ())
        updated = super().update_stored_schema(names, *arguments, **options)
        schemas = [self.sql_client.dataset_name, STAGING.format(self.sql_client.dataset_name)]
        query = read_sql(__package__, "missing_identities.sql")
        for (statement,) in self.sql_client.execute_sql(query, schemas, names) or ():
            self.sql_client.execute_sql(statement)
        return updated

    def create_table_chain_completed_followup_jobs(
        self,
        table_chain: Sequence[PreparedTableSchema],
        completed_table_chain_jobs: Sequence[LoadJobInfo] | None = None,
    ) -> list[FollowupJobRequest]:
        """Create the merge of a table after all its files are copied, and pass it the number of copied rows."""
        jobs = [job.job_file_info for job in completed_table_chain_jobs or ()]
        table_chain[0][STAGED_HINT] = sum(map(rows_copied, jobs))  # type: ignore[literal-required]
        return super().create_table_chain_completed_followup_jobs(table_chain, completed_table_chain_jobs)

    def _create_merge_followup_jobs(self, table_chain: Sequence[PreparedTableSchema]) -> list[FollowupJobRequest]:
        return [MergeStagedJob.from_table_chain(table_chain, self.sql_client)]


class replica_postgres(postgres):  # noqa: N801 - dlt names its destinations in lower case
    """The Postgres destination of the replica."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client that dlt uses for this destination."""
        return ReplicaClient


replica_postgres.register()
