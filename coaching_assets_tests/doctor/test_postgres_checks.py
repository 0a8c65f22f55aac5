"""The doctor's checks of Postgres that need no BigQuery."""

from coaching_assets.doctor.postgres_checks import check_direct_connection, check_schema_version
from coaching_assets.postgres.migrate import ensure_schema, migrations
from coaching_assets_tests.support.deployment import Deployment


def test_a_pooler_is_recognized_by_its_host_name_or_port(deployment: Deployment) -> None:
    with deployment.connect() as database:
        for where, state in (
            ("ep-cool-name-123-pooler.eu-central-1.aws.neon.tech", "warning"),
            ("aws-0-eu-central-1.pooler.supabase.com:6543", "warning"),
            ("db.example.com:6432", "warning"),
            ("ep-cool-name-123.eu-central-1.aws.neon.tech", "ok"),
        ):
            assert check_direct_connection(database, f"postgresql://u@{where}/app").state == state


def test_the_schema_version_is_shown(deployment: Deployment) -> None:
    newest = migrations()[-1].version
    with deployment.connect() as database:
        assert check_schema_version(database).message.startswith(f"The next sync sets up version {newest}")
        ensure_schema(database)
        assert check_schema_version(database).message == f"Schema coaching_sync has version {newest}"
        with database.cursor() as cursor:
            cursor.execute("delete from coaching_sync.schema_migrations where version = %s", [newest])
            assert f"the next sync upgrades it to version {newest}" in check_schema_version(database).message
            cursor.execute("insert into coaching_sync.schema_migrations values (9999, 'future', true, now(), '9')")
        finding = check_schema_version(database)
        assert (finding.state, finding.remedy) == ("failed", "Install the newer release of coaching-assets.")
