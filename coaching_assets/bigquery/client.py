"""The connection to BigQuery: credentials, Google's two clients made on first use, and how long they may try."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from coaching_assets.bigquery.errors import (
    CREDENTIALS_REMEDY,
    AccessDenied,
    LimitExceeded,
    ProjectNotFound,
    SourceError,
    Subject,
    TableNotFound,
    Unavailable,
)
from coaching_assets.bigquery.google_client import import_client
from coaching_assets.bigquery.memory import one_heap
from coaching_assets.settings import SettingError, Settings

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

__all__ = [
    "AccessDenied",
    "BigQuery",
    "LimitExceeded",
    "ProjectNotFound",
    "SourceError",
    "TableNotFound",
    "Unavailable",
    "connect",
]

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")
GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"
USER_AGENT = "coaching-assets"

REQUEST_SECONDS = 30.0
"""How long one request may take."""
RETRY_SECONDS = 60.0
"""How long a request is tried again for; Google's own default is ten minutes."""
EMULATOR_RETRY_SECONDS = 3.0
"""The same for an emulator, which is either there or not."""

STREAM_WINDOW_BYTES = 4 * 1024**2
"""What a stream may send before it is asked for more: enough for 100 MB a second from 40 ms away."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # by itself gRPC widens the window with the rate, and keeps hundreds of megabytes that nobody has asked for
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", STREAM_WINDOW_BYTES),
)


class BigQuery:
    """BigQuery as this project uses it; making one touches no network. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Check the settings that can be checked without a network.

        Raises:
            SettingError: the project or the key file is missing, or only one of the emulator's addresses is set.
        """
        self.settings = settings
        self.project = settings.project()
        self.emulator = settings.bigquery_emulator_host is not None
        if self.emulator and settings.bigquery_storage_emulator_host is None:
            raise SettingError(
                "BIGQUERY_STORAGE_EMULATOR_HOST is not set, but BIGQUERY_EMULATOR_HOST is. "
                "Set it to the emulator's gRPC address, host:port, or unset both."
            )
        if settings.bigquery_storage_emulator_host is not None and not self.emulator:
            raise SettingError(
                "BIGQUERY_EMULATOR_HOST is not set, but BIGQUERY_STORAGE_EMULATOR_HOST is. "
                "Set it to the emulator's REST address, or unset both."
            )
        key = settings.google_application_credentials
        if not self.emulator and key is not None and not key.is_file():
            raise SettingError(
                f"GOOGLE_APPLICATION_CREDENTIALS names {key}, which is no file. Correct the path or unset it."
            )
        import_client()
        self._lock = threading.RLock()
        self._rest: Client | None = None
        self._storage: BigQueryReadClient | None = None
        self._google_credentials: Any = None

    def __enter__(self) -> Self:
        """The connection itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        self.close()

    def close(self) -> None:
        """Close the clients that were made; using the connection again makes new ones."""
        with self._lock:
            if self._rest is not None:
                self._rest.close()  # type: ignore[no-untyped-call]
            if self._storage is not None:
                self._storage.transport.close()  # type: ignore[no-untyped-call]
            self._rest = self._storage = None

    @property
    def rest(self) -> "Client":
        """The REST client, for metadata and query jobs.

        Raises:
            SettingError: there are no usable credentials.
        """
        with self._lock:
            if self._rest is None:
                self._rest = self._make_rest()
            return self._rest

    @property
    def storage(self) -> "BigQueryReadClient":
        """The Storage Read API's client.

        Raises:
            SettingError: there are no usable credentials.
        """
        with self._lock:
            if self._storage is None:
                self._storage = self._make_storage()
            return self._storage

    @property
    def retry(self) -> "Retry":
        """For requests: what Google's client holds for transient, but not for longer than it is worth waiting."""
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(self.retry_seconds)

    @property
    def retry_seconds(self) -> float:
        """How long a request is tried again for."""
        return EMULATOR_RETRY_SECONDS if self.emulator else RETRY_SECONDS

    def subject(self, dataset: str | None = None, table: str | None = None) -> Subject:
        """What a request is about, for error messages."""
        return Subject(self.project, dataset, table, self.emulator)

    def _make_rest(self) -> "Client":
        from google.api_core.client_info import ClientInfo
        from google.api_core.client_options import ClientOptions
        from google.cloud.bigquery import Client

        host = self.settings.bigquery_emulator_host
        options = ClientOptions(api_endpoint=_with_scheme(host)) if host else None
        return Client(
            project=self.project,
            credentials=self._credentials(),
            client_options=options,
            client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
        )

    def _make_storage(self) -> "BigQueryReadClient":
        one_heap()
        import grpc
        from google.api_core.gapic_v1.client_info import ClientInfo
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        host = self.settings.bigquery_storage_emulator_host
        if host is not None:
            channel = grpc.insecure_channel(_without_scheme(host), options=CHANNEL_OPTIONS)
        else:
            channel = BigQueryReadGrpcTransport.create_channel(
                credentials=self._credentials(), options=CHANNEL_OPTIONS, scopes=SCOPES
            )
        info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
        return BigQueryReadClient(  # type: ignore[no-untyped-call]
            transport=BigQueryReadGrpcTransport(channel=channel, client_info=info), client_info=info
        )

    def _credentials(self) -> Any:
        with self._lock:
            if self._google_credentials is None:
                self._google_credentials = _find_credentials(self.settings, self.emulator)
            return self._google_credentials


def connect(settings: Settings) -> BigQuery:
    """BigQuery by these settings; nothing is sent yet.

    Raises:
        SettingError: a setting is missing or wrong, as far as that can be seen without a network.
    """
    return BigQuery(settings)


def _find_credentials(settings: Settings, emulator: bool) -> Any:
    """The key file of the environment, else `.dlt/secrets.toml`, else Google's default credentials."""
    if emulator:
        from google.auth.credentials import AnonymousCredentials

        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    if settings.google_application_credentials is not None:
        return _from_key_file(settings.google_application_credentials)
    if settings.secrets_file.bigquery:
        return _from_secrets(settings.secrets_file.bigquery)
    return _default_credentials()


def _from_key_file(path: Path) -> Any:
    import warnings

    from google.auth import load_credentials_from_file
    from google.auth.exceptions import GoogleAuthError

    try:
        with warnings.catch_warnings():
            # Google warns of key files from strangers; this one is named by whoever runs the program.
            warnings.simplefilter("ignore")
            credentials, _ = load_credentials_from_file(str(path), scopes=SCOPES)  # type: ignore[no-untyped-call]
    except (GoogleAuthError, OSError, ValueError):
        raise SettingError(
            f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which is no key that Google's library can read. "
            "Download the service account's key again, as JSON."
        ) from None
    return credentials


def _from_secrets(section: Mapping[str, Any]) -> Any:
    """Credentials as dlt's users write them: a service account, or OAuth with a refresh token."""
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2 import credentials as oauth
    from google.oauth2 import service_account

    info = {"token_uri": GOOGLE_TOKEN_URI, **section}
    try:
        if "refresh_token" in info:
            return oauth.Credentials.from_authorized_user_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
        # An environment variable or a hasty paste leaves the key's line ends as two characters.
        info["private_key"] = str(info["private_key"]).replace("\\n", "\n").rstrip("\n") + "\n"
        return service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    except KeyError as error:
        raise SettingError(
            f"[sources.bigquery.credentials] in .dlt/secrets.toml lacks {error.args[0]}. "
            "It needs project_id, private_key and client_email."
        ) from None
    except (GoogleAuthError, ValueError):
        raise SettingError(
            "[sources.bigquery.credentials] in .dlt/secrets.toml is no usable key. "
            "Copy project_id, private_key and client_email from the service account's JSON key."
        ) from None


def _default_credentials() -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError:
        raise SettingError(f"There are no credentials for BigQuery. {CREDENTIALS_REMEDY}.") from None
    return credentials


def _with_scheme(host: str) -> str:
    return host if "://" in host else f"http://{host}"


def _without_scheme(host: str) -> str:
    return host.partition("://")[2] or host
