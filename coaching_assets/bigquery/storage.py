"""Creates the client of the Storage Read API, https://cloud.google.com/bigquery/docs/reference/storage ."""

from typing import Any

import grpc
from google.api_core.gapic_v1.client_info import ClientInfo
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from coaching_assets.bigquery.credentials import SCOPES
from coaching_assets.bigquery.endpoints import Endpoints
from coaching_assets.bigquery.memory import limit_heap
from coaching_assets.bigquery.request_settings import USER_AGENT

STREAM_WINDOW_BYTES = 4 * 1024**2
"""How much a stream may send before the reader asks for more. 4 MiB allow 100 MB/s at a round trip of 40 ms."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # By default gRPC widens the window with the rate, and buffers hundreds of megabytes ahead of the reader.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", STREAM_WINDOW_BYTES),
)


def create_storage_client(endpoints: Endpoints, credentials: Any) -> BigQueryReadClient:
    """Create the client. gRPC itself reads the proxy's address from `https_proxy` or `grpc_proxy`.

    See https://github.com/grpc/grpc/blob/master/doc/environment_variables.md .

    Args:
        endpoints: an endpoint that is not encrypted is an emulator's, which gets no credentials.
        credentials: as `find_credentials` returns them.
    """
    limit_heap()  # before gRPC starts its threads
    if not endpoints.encrypted:
        channel = grpc.insecure_channel(endpoints.storage, options=CHANNEL_OPTIONS)
    else:
        channel = BigQueryReadGrpcTransport.create_channel(
            endpoints.storage, credentials=credentials, options=CHANNEL_OPTIONS, scopes=SCOPES
        )
    info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
    return BigQueryReadClient(  # type: ignore[no-untyped-call]
        transport=BigQueryReadGrpcTransport(channel=channel, client_info=info), client_info=info
    )
