"""Finds the Google credentials: a key file, else `.dlt/secrets.toml`, else Google's application default credentials."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google.auth
from google.auth import external_account, impersonated_credentials, load_credentials_from_file
from google.auth.credentials import AnonymousCredentials, with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.oauth2 import credentials as oauth
from google.oauth2 import service_account

from coaching_assets.bigquery.errors import CREDENTIALS_REMEDY
from coaching_assets.settings import SettingError, Settings

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")
GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"


def find_credentials(settings: Settings) -> Any:
    """The credentials that the settings select; anonymous ones for an emulator.

    Raises:
        SettingError: there are no credentials, or Google's library cannot read them.
    """
    if settings.bigquery_emulator_host is not None:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    if settings.google_application_credentials is not None:
        return _from_key_file(settings.google_application_credentials)
    if settings.secrets_file.bigquery:
        return _from_secrets(settings.secrets_file.bigquery)
    return _application_default()


def _from_key_file(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # Google's library warns of key files from untrusted sources; the operator names this one.
            warnings.simplefilter("ignore")
            # With scopes, the library would ask the Resource Manager for the project of a workload identity pool.
            credentials, _ = load_credentials_from_file(str(path))  # type: ignore[no-untyped-call]
    except (GoogleAuthError, OSError, ValueError, AttributeError):
        raise SettingError(
            f"GOOGLE_APPLICATION_CREDENTIALS names {path}, but Google's library cannot read credentials from it. "
            "Download the service account's key or the credential configuration again, as JSON."
        ) from None
    return with_scopes_if_required(credentials, SCOPES)  # type: ignore[no-untyped-call]


def _from_secrets(section: Mapping[str, Any]) -> Any:
    """Credentials in dlt's format: a service account, or OAuth with a refresh token."""
    info = {"token_uri": GOOGLE_TOKEN_URI, **section}
    return _secrets_credentials(info).with_quota_project_from_environment()


def _secrets_credentials(info: dict[str, Any]) -> Any:
    try:
        if "refresh_token" in info:
            return oauth.Credentials.from_authorized_user_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
        # A key that was pasted from JSON or an environment variable has line ends of two characters.
        info["private_key"] = str(info["private_key"]).replace("\\n", "\n").rstrip("\n") + "\n"
        return service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    except KeyError as error:
        raise SettingError(
            f"[sources.bigquery.credentials] in .dlt/secrets.toml lacks {error.args[0]}. "
            "Add project_id, private_key and client_email from the service account's JSON key."
        ) from None
    except (GoogleAuthError, ValueError):
        raise SettingError(
            "Google's library cannot use [sources.bigquery.credentials] in .dlt/secrets.toml. "
            "Copy project_id, private_key and client_email from the service account's JSON key."
        ) from None


def _application_default() -> Any:
    """See https://cloud.google.com/docs/authentication/application-default-credentials ."""
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError:
        raise SettingError(f"There are no credentials for BigQuery. {CREDENTIALS_REMEDY}.") from None
    return credentials


def describe_identity(credentials: Any) -> str:
    """The identity that Google sees, and the project that is charged for quotas if the credentials name one.

    The types: https://cloud.google.com/docs/authentication/client-libraries . `gcloud`'s user credentials need not
    name the user.
    """
    quota_project = getattr(credentials, "quota_project_id", None)
    suffix = f", quota project {quota_project}" if quota_project else ""
    return _identity(credentials) + suffix


def _identity(credentials: Any) -> str:
    email = getattr(credentials, "service_account_email", None)
    if isinstance(credentials, impersonated_credentials.Credentials):
        return f"service account {email} by impersonation"
    if isinstance(credentials, external_account.Credentials):
        account = f"service account {email}" if email else "the federated identity itself"
        return f"{account} by workload identity federation"
    if isinstance(credentials, oauth.Credentials):
        return f"user account {credentials.account}".rstrip()
    return f"service account {email}" if email else type(credentials).__name__
