"""The retries of Google's BigQuery client, and the calls to the Storage Read API below its client."""

import pytest

from coaching_assets.bigquery.streams import READ_ROWS
from coaching_assets_tests.contracts.promises import Promise, check, check_complete, expect

BIGQUERY, STORAGE = "google-cloud-bigquery", "google-cloud-bigquery-storage"
STREAMS = "bigquery/streams.py calls ReadRows below the client, to resume a stream and to keep the answer's bytes"
STREAMS_REMEDY = "Adapt _call, and run coaching_assets_tests/bigquery and faults/test_bigquery.py."
TRANSPORT = "google.cloud.bigquery_storage_v1.services.big_query_read.transports:BigQueryReadGrpcTransport"

PROMISES = (
    Promise(
        "google.cloud.bigquery.retry:DEFAULT_RETRY", "bigquery/client.py sets its timeout", "Adapt BigQuery.retry."
    ),
    Promise(
        "google.cloud.bigquery.retry:DEFAULT_JOB_RETRY", "bigquery/queries.py sets its timeout", "Adapt the query."
    ),
    Promise("google.api_core.gapic_v1.client_info:ClientInfo", "bigquery/storage.py sends the user agent", "Adapt it."),
    Promise("google.api_core.gapic_v1.routing_header:to_grpc_metadata", STREAMS, STREAMS_REMEDY, ("params",)),
    Promise(f"{TRANSPORT}.create_channel", "bigquery/storage.py sets the channel's options", "Adapt it."),
    Promise(f"{TRANSPORT}.grpc_channel", STREAMS, STREAMS_REMEDY),
    Promise(
        "google.cloud.bigquery.table:RowIterator", "bigquery/queries.py names the type", "Import it from its new place."
    ),
)

DOCUMENTED = (
    Promise("google.cloud.bigquery_storage_v1.types:ReadRowsRequest.serialize", STREAMS, STREAMS_REMEDY),
    Promise(
        "google.cloud.bigquery:Client._http", "bigquery/client.py reads the clock from its answers", "Adapt the hook."
    ),
    Promise(
        "google.cloud.bigquery:Client._call_api",
        "bigquery/row_access.py lists row access policies, for which the client has no method",
        "Adapt row_access_policies.",
        ("self", "retry"),
    ),
)


@pytest.mark.parametrize("promise", PROMISES + DOCUMENTED, ids=lambda promise: promise.name)
def test_name(promise: Promise) -> None:
    check(promise, STORAGE if "storage" in promise.name else BIGQUERY)


def test_the_list_is_complete() -> None:
    check_complete(
        PROMISES,
        r"google\.(cloud\.bigquery\.(?!exceptions).+|cloud\.bigquery_storage_v1\.services.*|api_core\.gapic_v1.*)",
    )


def test_the_method_has_the_path_that_we_call() -> None:
    from inspect import getsource

    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    found = READ_ROWS in getsource(BigQueryReadGrpcTransport)
    expect(found, STORAGE, f"the client does not call {READ_ROWS}", STREAMS, "Adapt READ_ROWS.")
