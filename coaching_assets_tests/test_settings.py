"""The settings: what they accept, where credentials come from, and how errors read."""

from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import parse_dsn

from coaching_assets.durations import readable_age
from coaching_assets.settings import SettingError, Settings, load_settings, usable_settings

POSTGRES = "[destination.postgres.credentials]\n"


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PGSSLMODE", "GOOGLE_APPLICATION_CREDENTIALS", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))


def write_secrets(folder: Path, text: str) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "secrets.toml").write_text(text)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("GONG_DATASET", "sel`ect", "'sel`ect' cannot name a dataset"),
        ("GONG_DATASET", "x" * 56, "use 1 to 55 letters"),
        ("REPLICA_SCHEMA_PREFIX", 'a"b', "cannot begin a schema's name"),
        ("REPLICA_SCHEMA_PREFIX", "x" * 47, "has more than 55 characters"),
        ("REPLICA_SCHEMA_PREFIX", "pg_", "Postgres reserves names"),
        ("REPLICA_OVERLAP_HOURS", "soon", "valid number"),
        ("REPLICA_OVERLAP_HOURS", "-1", "greater than or equal to 0"),
        ("BIGQUERY_READ_STREAMS", "65", "less than or equal to 64"),
        ("ALERT_LEVEL", "info", "'warning' or 'error'"),
        ("DAGSTER_UI_URL", "dagster.example.com", "should match pattern"),
        ("FRESHNESS_OBJECTIVES", "calls=often", "'calls=often' is not an objective; write transcripts=30:60"),
        ("RECONCILE_SURPLUS_SHARE", "1.5", "less than or equal to 1"),
    ],
)
def test_a_wrong_value_names_its_variable(
    variable: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"Wrong settings: {variable}: ")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        ({"coaching_schema": "gongio_ft"}, "gongio_ft"),
        ({"gong_dataset": "coaching_sync"}, "coaching_sync"),
        ({"replica_schema_prefix": "a_", "coaching_schema": "a_salesforce_ft_staging"}, "a_salesforce_ft_staging"),
        ({"gong_dataset": "crm", "salesforce_dataset": "crm_staging"}, "crm_staging"),
        ({"replica_schema_prefix": "coaching_", "gong_dataset": "dry_run_gong"}, "coaching_dry_run_gong"),
    ],
)  # fmt: skip
def test_schemas_with_another_purpose_are_refused(values: dict[str, str], schema: str) -> None:
    with pytest.raises(SettingError, match=f"REPLICA_SCHEMA_PREFIX: .*cannot use the schema {schema!r}"):
        load_settings(**values)
    settings, error = usable_settings(**values)
    assert error is not None
    assert settings.schemas == {"gong": "gongio_ft", "salesforce": "salesforce_ft"}


def test_the_prefix_names_schemas_and_no_datasets() -> None:
    settings = load_settings(replica_schema_prefix="Fivetran_", gong_dataset="gong2")
    assert settings.schemas == {"gong": "Fivetran_gong2", "salesforce": "Fivetran_salesforce_ft"}
    assert settings.datasets == {"gong": "gong2", "salesforce": "salesforce_ft"}


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("GONG_DATASET", "", "gong_dataset", "gongio_ft"),
        ("COMPANY_DOMAINS", " @Acme.com, acme.org,,", "company_domains", ("acme.com", "acme.org")),
        ("FRESHNESS_OBJECTIVES", "calls=1:2, emails= 3:4", "freshness_objectives", {"calls": (1, 2), "emails": (3, 4)}),
        ("RECONCILE_REPAIR", "false", "reconcile_repair", False),
    ],
)  # fmt: skip
def test_values_are_read(
    variable: str, text: str, attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(load_settings(), attribute) == value


def test_an_objective_of_one_table_replaces_the_default() -> None:
    settings = Settings(freshness_objectives={"calls": (1, 2)})
    assert settings.objective("calls") == (timedelta(minutes=1), timedelta(minutes=2))
    assert settings.objective("emails") == (timedelta(minutes=75), timedelta(minutes=120))


@pytest.mark.parametrize(
    ("secrets", "parameters"),
    [
        (
            f'{POSTGRES}database = "app"\nusername = "u"\npassword = "p @:/?#%&=é"\nhost = "localhost"\nport = 5433\n',
            {"dbname": "app", "user": "u", "password": "p @:/?#%&=é", "host": "localhost", "port": "5433"},
        ),
        (
            f'{POSTGRES}database = "app"\nusername = "u"\nhost = "db.example.com"\nquery = {{ connect_timeout = 5 }}\n',
            {
                **{"dbname": "app", "user": "u", "host": "db.example.com", "port": "5432"},
                **{"connect_timeout": "5", "sslmode": "require"},
            },
        ),
        (f'{POSTGRES}database = "app"\n', {"dbname": "app", "host": "localhost", "port": "5432"}),
        (
            '[destination.postgres]\ncredentials = "postgres://u:p@localhost/app"\n',
            {"dbname": "app", "user": "u", "password": "p", "host": "localhost"},
        ),
    ],
)
def test_the_database_of_the_secrets_file(secrets: str, parameters: dict[str, str], tmp_path: Path) -> None:
    write_secrets(tmp_path, secrets)
    settings = Settings()
    assert parse_dsn(settings.postgres_url()) == parameters
    assert settings.database_url_origin == ".dlt/secrets.toml"


def test_the_environment_takes_precedence_over_the_secrets_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(tmp_path, f'{POSTGRES}database = "other"\n[sources.bigquery.credentials]\nproject_id = "other"\n')
    assert Settings().project() == "other"
    assert Settings().bigquery_credentials_origin == ".dlt/secrets.toml"
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@localhost/app")
    monkeypatch.setenv("BIGQUERY_PROJECT", "acme")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
    settings = Settings()
    assert settings.postgres_url() == "postgresql://u:p@localhost/app"
    assert settings.project() == "acme"
    assert settings.database_url_origin == settings.bigquery_credentials_origin == "environment"


def test_without_a_secrets_file_nothing_is_configured() -> None:
    settings = Settings()
    assert settings.database_url_origin is None
    assert settings.bigquery_credentials_origin is None
    with pytest.raises(SettingError, match="DATABASE_URL is not set"):
        settings.postgres_url()
    with pytest.raises(SettingError, match="BIGQUERY_PROJECT is not set"):
        settings.project()


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ("[destination", "secrets.toml is not valid TOML"),
        ("[destination.postgres]\ncredentials = 5\n", "destination.postgres.credentials must be a table"),
        ('[sources.bigquery]\ncredentials = "hush"\n', "sources.bigquery.credentials must be a table"),
    ],
)
def test_an_unusable_secrets_file_is_one_sentence_without_its_content(
    secrets: str, message: str, tmp_path: Path
) -> None:
    write_secrets(tmp_path, secrets)
    with pytest.raises(SettingError, match=message) as raised:
        Settings().postgres_url()
    assert "hush" not in str(raised.value)


def test_the_page_on_settings_lists_each_with_its_default() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = field.default
        text = "" if default in (None, (), {}, "") else f"`{default}`".replace(".0`", "`").replace("True", "true")
        assert f"| `{name.upper()}` | {text} |".replace("|  |", "| |") in page, f"{name.upper()}, default {text}"
        assert field.description, f"{name} has no description"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(days=3, hours=4, minutes=59), "3 days and 4 hours"),
        (timedelta(days=400), "400 days"),
        (timedelta(hours=2, minutes=5, seconds=7), "2 hours and 5 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(seconds=59.9), "59 seconds"),
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=-1), "in the future"),
    ],
)
def test_ages_are_given_in_their_two_largest_units(age: timedelta, text: str) -> None:
    assert readable_age(age) == text
