"""dlt's destination classes, load jobs, exceptions and system tables."""

import pytest

from coaching_assets.replica.placement import LONGEST_NAME, PLAIN_NAME
from coaching_assets_tests.contracts.promises import Promise, check, check_complete, expect

DESTINATION = "replica/destination.py"
CLIENT = "dlt.destinations.impl.postgres.postgres:PostgresClient"
COPY = "dlt.destinations.impl.postgres.postgres:PostgresParquetCopyJob"
SQL_CLIENT = "dlt.destinations.impl.postgres.sql_client:Psycopg2SqlClient"
CREDENTIALS = "dlt.destinations.impl.postgres.configuration:PostgresCredentials"
SESSION = "Adapt ReplicaSqlClient, and run coaching_assets_tests/postgres."
OVERRIDE = "Adapt the override in ReplicaClient, and run coaching_assets_tests/replica."
PIPELINE = "dlt.pipeline.pipeline:Pipeline"
TOLERANT = "replica/tolerant_pipeline.py"
CONTINUE = "Adapt TolerantPipeline, and run coaching_assets_tests/faults/test_kept_reads.py."
TYPES_ONLY = "Import the type from its new place."

PROMISES = (
    Promise(CLIENT, f"{DESTINATION} subclasses it", OVERRIDE),
    Promise(
        f"{CLIENT}.create_load_job",
        f"{DESTINATION} overrides it",
        OVERRIDE,
        ("self", "table", "file_path", "load_id", "restore"),
    ),
    Promise(f"{CLIENT}.initialize_storage", f"{DESTINATION} overrides it", OVERRIDE, ("self", "truncate_tables")),
    Promise(f"{CLIENT}._create_merge_followup_jobs", f"{DESTINATION} overrides it", OVERRIDE, ("self", "table_chain")),
    Promise(
        f"{CLIENT}.create_table_chain_completed_followup_jobs",
        f"{DESTINATION} overrides it, to count the copied rows before the merge",
        OVERRIDE,
        ("self", "table_chain", "completed_table_chain_jobs"),
    ),
    Promise(
        f"{CLIENT}.__init__",
        f"{DESTINATION} replaces the SQL client that it creates",
        OVERRIDE,
        ("self", "schema", "config", "capabilities"),
    ),
    Promise(SQL_CLIENT, "replica/sql_client.py subclasses it", SESSION),
    Promise(f"{SQL_CLIENT}.open_connection", "replica/sql_client.py overrides it", SESSION, ("self",)),
    Promise(f"{SQL_CLIENT}._reset_connection", "replica/sql_client.py overrides it", SESSION, ("self",)),
    Promise(CREDENTIALS, "replica/credentials.py subclasses it", "Adapt LibpqCredentials."),
    Promise(
        f"{CREDENTIALS}.to_native_representation",
        "replica/credentials.py overrides it, and psycopg2 and ADBC connect with it",
        "Adapt LibpqCredentials.",
        ("self",),
    ),
    Promise("dlt.common.configuration:configspec", "replica/credentials.py declares a class", TYPES_ONLY),
    Promise("dlt.common.destination:DestinationCapabilitiesContext", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise("dlt.common.schema:Schema", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise(
        "dlt.destinations.impl.postgres.configuration:PostgresClientConfiguration",
        f"{DESTINATION} names the type",
        TYPES_ONLY,
    ),
    Promise(
        COPY,
        f"{DESTINATION} replaces it by CopyJob, its subclass",
        "Adapt CopyJob in replica/copying.py.",
        ("file_path",),
    ),
    Promise(
        f"{COPY}._set_catalog_and_schema", "replica/copying.py takes the schema from it", "Adapt CopyJob.", ("self",)
    ),
    Promise(f"{COPY}.load_table_name", "replica/copying.py copies into this table", "Adapt CopyJob."),
    Promise("dlt.destinations.sql_jobs:SqlMergeFollowupJob", f"{DESTINATION} subclasses it", "Adapt MergeStagedJob."),
    Promise(
        "dlt.destinations.sql_jobs:SqlMergeFollowupJob.generate_sql",
        f"{DESTINATION} overrides it, to call the project's merge",
        "Adapt MergeStagedJob.",
        ("table_chain", "sql_client"),
    ),
    Promise(
        "dlt.destinations.sql_client:SqlClientBase.get_qualified_table_names",
        f"{DESTINATION} names the tables by it",
        OVERRIDE,
        ("self", "table_name"),
    ),
    Promise(
        "dlt.destinations.sql_client:SqlClientBase.make_qualified_table_name",
        f"{DESTINATION} names the tables by it",
        OVERRIDE,
        ("self", "table_name"),
    ),
    Promise(
        "dlt.common.storages.load_package:ParsedLoadJobFileName.job_id",
        "replica/copying.py keeps row counts by it",
        "Adapt rows_copied.",
        ("self",),
    ),
    Promise(
        "dlt.common.storages.load_package:LoadJobInfo.job_file_info",
        f"{DESTINATION} takes the job's id from it",
        "Adapt rows_copied.",
    ),
    Promise(
        "dlt.common.normalizers.naming.snake_case:NamingConvention",
        "replica/placement.py names columns by it",
        "Adapt column_name.",
        ("max_length",),
    ),
    Promise("dlt.common.destination.client:FollowupJobRequest", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise("dlt.common.destination.client:LoadJob", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise("dlt.common.destination.typing:PreparedTableSchema", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise(
        f"{CLIENT}.update_stored_schema",
        f"{DESTINATION} overrides it, to give new tables a replica identity",
        OVERRIDE,
        ("self",),
    ),
    Promise("dlt.common.schema.typing:TSchemaTables", f"{DESTINATION} names the type", TYPES_ONLY),
    Promise("dlt.extract.resource:DltResource", "replica/pipelines.py names the type", TYPES_ONLY),
    Promise("dlt.extract.source:DltSource", "replica/pipelines.py names the type", TYPES_ONLY),
    Promise(PIPELINE, f"{TOLERANT} subclasses it", CONTINUE),
    Promise(
        f"{PIPELINE}._extract_source",
        f"{TOLERANT} overrides it, to delete the part of a table that could not be read",
        CONTINUE,
        ("self", "extract", "source"),
    ),
    Promise(f"{PIPELINE}.normalize", f"{TOLERANT} overrides it", CONTINUE, ("self",)),
    Promise(f"{PIPELINE}.load", f"{TOLERANT} overrides it", CONTINUE, ("self",)),
    Promise(f"{PIPELINE}._get_load_storage", f"{TOLERANT} deletes files in it", CONTINUE, ("self",)),
    Promise(f"{PIPELINE}._get_normalize_storage", f"{TOLERANT} deletes files in it", CONTINUE, ("self",)),
    Promise("dlt.pipeline.exceptions:PipelineStepFailed", f"{TOLERANT} handles it", CONTINUE),
    Promise("dlt.extract.extract:Extract", f"{TOLERANT} names the type", TYPES_ONLY),
    Promise("dlt.common.pipeline:LoadInfo", f"{TOLERANT} names the type", TYPES_ONLY),
    Promise("dlt.common.pipeline:NormalizeInfo", f"{TOLERANT} names the type", TYPES_ONLY),
    Promise("dlt.common.schema.typing:TTableSchema", f"{TOLERANT} names the type", TYPES_ONLY),
    Promise(
        "dlt.common.storages.load_package:PackageStorage.list_new_jobs",
        f"{TOLERANT} deletes files of a failed table",
        CONTINUE,
        ("self", "load_id"),
    ),
    Promise(
        "dlt.common.storages.load_package:PackageStorage.list_packages", f"{TOLERANT} reads it", CONTINUE, ("self",)
    ),
)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_name(promise: Promise) -> None:
    check(promise, "dlt")


def test_the_list_is_complete() -> None:
    check_complete(PROMISES, r"dlt\.(?!destinations$).*")


def test_a_copy_job_knows_its_file_and_its_id() -> None:
    from dlt.destinations.impl.postgres.postgres import PostgresParquetCopyJob

    job = PostgresParquetCopyJob("/folder/calls.abc.0.parquet")
    found = (getattr(job, "_file_path", None), job.job_id(), hasattr(job, "_job_client"))
    expected = ("/folder/calls.abc.0.parquet", "calls.abc.parquet", True)
    says = f"a copy job has {found} as _file_path, job_id() and _job_client, not {expected}"
    expect(found == expected, "dlt", says, "replica/copying.py uses these", "Adapt CopyJob.")


@pytest.mark.parametrize(
    ("error", "attribute"),
    [
        ("dlt.load.exceptions:TableChainFollowupJobCreationFailedException", "root_table_name"),
        ("dlt.normalize.exceptions:NormalizeJobFailed", "job_id"),
        ("dlt.load.exceptions:LoadClientJobFailed", "job_id"),
        ("dlt.load.exceptions:LoadClientJobRetry", "job_id"),
        ("dlt.load.exceptions:LoadClientJobTerminalRetry", "job_id"),
    ],
)
def test_an_error_names_its_table(error: str, attribute: str) -> None:
    used_by = "replica/failures.py finds the table at fault by it, and loads the others"
    promise = Promise(f"{error}.__init__", used_by, "Adapt table_at_fault.")
    check(promise, "dlt")
    from inspect import signature
    from pkgutil import resolve_name

    parameters = signature(resolve_name(promise.name)).parameters
    expect(attribute in parameters, "dlt", f"{error} has no {attribute}", used_by, promise.remedy)


@pytest.mark.parametrize(
    ("table", "name", "columns"),
    [
        ("loads_table", "_dlt_loads", {"load_id", "schema_name", "status", "inserted_at"}),
        ("version_table", "_dlt_version", {"schema_name", "inserted_at"}),
        ("pipeline_state_table", "_dlt_pipeline_state", {"pipeline_name", "created_at", "_dlt_load_id"}),
    ],
)
def test_the_system_tables_have_the_columns_of_prune_loads(table: str, name: str, columns: set[str]) -> None:
    from dlt.common.schema import utils

    found = getattr(utils, table)(*([True] if table == "pipeline_state_table" else []))
    missing = columns - set(found["columns"])
    says = f"the table {found['name']} lacks {', '.join(sorted(missing)) or 'no column'}"
    expect(
        found["name"] == name and not missing, "dlt", says, "replica/prune_loads.sql reads it", "Adapt the statements."
    )


@pytest.mark.parametrize("name", ["id", "_fivetran_synced", "is_deleted", "custom_field_c", "address_line_2", "a1"])
def test_plain_names_stay_as_they_are(name: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    assert PLAIN_NAME.fullmatch(name)
    used_by = "replica/placement.py does not ask dlt about plain names"
    changed = NamingConvention(LONGEST_NAME).normalize_path(name)
    expect(changed == name, "dlt", f"{name} becomes {changed}", used_by, "Narrow PLAIN_NAME.")
