"""The external assets, and the settings that the connection refuses."""

from pathlib import Path

import dagster as dg
import pytest

from coaching_assets.bigquery.client import connect
from coaching_assets.catalogue import TABLES
from coaching_assets.defs.keys import source_key
from coaching_assets.defs.source_assets import external_specs
from coaching_assets.settings import SettingError, Settings


def test_there_is_one_asset_a_table_under_the_configured_dataset() -> None:
    settings = Settings(gong_dataset="my_gong", bigquery_project="acme")
    specs = {spec.key: spec for spec in external_specs(settings)}
    assert set(specs) == {source_key(settings, table) for table in TABLES}
    call = specs[dg.AssetKey(["bigquery", "my_gong", "call"])]
    assert call.metadata["dagster/table_name"] == "acme.my_gong.call"
    assert call.kinds == {"bigquery", "gong"}
    assert dg.Definitions(assets=list(specs.values())).resolve_asset_graph()


def test_without_a_project_the_assets_have_no_table_name() -> None:
    assert all("dagster/table_name" not in spec.metadata for spec in external_specs(Settings(bigquery_project=None)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "BIGQUERY_PROJECT is not set"),
        ({"bigquery_project": "p", "bigquery_emulator_host": "x:1"}, "BIGQUERY_STORAGE_EMULATOR_HOST is not set"),
        ({"bigquery_project": "p", "bigquery_storage_emulator_host": "x:1"}, "BIGQUERY_EMULATOR_HOST is not set"),
        ({"bigquery_project": "p", "google_application_credentials": Path("/no/key.json")}, "no/key.json, which is no"),
    ],
)
def test_wrong_settings_are_named(
    settings: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("BIGQUERY_PROJECT", "BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    with pytest.raises(SettingError, match=message):
        connect(Settings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('project_id = "p"', "lacks private_key"),
        ('project_id = "p"\nprivate_key = "x"\nclient_email = "a@b.c"', "no usable key"),
    ],
)
def test_unusable_secrets_are_named_without_being_shown(
    section: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(f"[sources.bigquery.credentials]\n{section}\n")
    for variable in ("BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    with pytest.raises(SettingError, match=message), connect(Settings(bigquery_project="p")) as bigquery:
        assert bigquery.rest
