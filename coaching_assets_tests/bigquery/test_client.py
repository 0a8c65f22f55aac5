"""The settings and credentials that the connection rejects."""

from pathlib import Path

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.settings import SettingError, Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "BIGQUERY_PROJECT is not set"),
        ({"bigquery_project": "p", "bigquery_emulator_host": "x:1"}, "BIGQUERY_STORAGE_EMULATOR_HOST is not set"),
        ({"bigquery_project": "p", "bigquery_storage_emulator_host": "x:1"}, "BIGQUERY_EMULATOR_HOST is not set"),
        (
            {"bigquery_project": "p", "google_application_credentials": Path("/no/key.json")},
            "key.json, which is not a file",
        ),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(
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
        ('project_id = "p"\nprivate_key = "x"\nclient_email = "a@b.c"', "cannot use"),
    ],
)
def test_an_error_names_unusable_secrets_without_showing_them(
    section: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(f"[sources.bigquery.credentials]\n{section}\n")
    for variable in ("BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    with pytest.raises(SettingError, match=message), connect(Settings(bigquery_project="p")) as bigquery:
        assert bigquery.rest
