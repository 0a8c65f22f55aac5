"""dlt's credentials for Postgres, which leave the URL as libpq reads it."""

from dlt.common.configuration import configspec
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from psycopg2.extensions import parse_dsn

from coaching_assets.database_url import hosts
from coaching_assets.postgres.connection import connection_url
from coaching_assets.replica.schema_lock import LoadLock
from coaching_assets.settings import Settings


@configspec(init=False)
class LibpqCredentials(PostgresCredentials):
    """Credentials that are complete without a host or a password.

    dlt demands both, strips the password, and knows one host. The fields that it reads are for its messages only;
    it and ADBC connect with the URL.
    """

    def __init__(self, settings: Settings, lock: LoadLock | None = None) -> None:
        """Take the credentials from the settings.

        Args:
            settings: with the URL.
            lock: the lock that every transaction of the load requires; None for a load into schemas of its own.

        Raises:
            SettingError: DATABASE_URL is missing or not a Postgres URL.
        """
        super().__init__()
        self.url, self.lock = connection_url(settings), lock
        parameters = parse_dsn(self.url)
        self.host = ",".join(host for host, _ in hosts(parameters))
        self.port = int(hosts(parameters)[0][1])
        self.username = parameters.get("user", "")
        self.password = parameters.get("password", "")
        self.database = parameters.get("dbname", "")
        self.resolve()

    def to_native_representation(self) -> str:
        """The URL for psycopg2 and ADBC."""
        return self.url
