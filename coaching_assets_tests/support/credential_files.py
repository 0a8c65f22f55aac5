"""Google's credential files of each type, for a token server of the test's own."""

import json
from pathlib import Path
from typing import Any

ROBOT = "robot@acme.iam.gserviceaccount.com"
TARGET = "reader@acme.iam.gserviceaccount.com"
IMPERSONATION = f"/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"


def write(folder: Path, content: dict[str, Any]) -> Path:
    """Write a credential file."""
    path = folder / "credentials.json"
    path.write_text(json.dumps(content))
    return path


def service_account(token_url: str, **more: str) -> dict[str, Any]:
    """A key: https://cloud.google.com/iam/docs/keys-create-delete ."""
    return {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": ROBOT,
        "token_uri": token_url,
        **more,
    }


def impersonated(token_url: str, **more: str) -> dict[str, Any]:
    """See https://google.aip.dev/auth/4117 . The library calls IAM by its own address, not by the file's."""
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"https://iamcredentials.googleapis.com{IMPERSONATION}",
        "source_credentials": service_account(token_url),
        **more,
    }


def federated(folder: Path, url: str, *, impersonate: bool = True, **more: str) -> dict[str, Any]:
    """Workload identity federation: https://google.aip.dev/auth/4117 ."""
    token = folder / "subject-token"
    token.write_text("a token of another identity provider")
    pool = "projects/123/locations/global/workloadIdentityPools/pool/providers/provider"
    target = {"service_account_impersonation_url": url + IMPERSONATION} if impersonate else {}
    return {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{pool}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/v1/token",
        "credential_source": {"file": str(token)},
        **target,
        **more,
    }


def user(**more: str) -> dict[str, Any]:
    """What `gcloud auth application-default login` writes."""
    return {"type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "r", **more}


def private_key() -> str:
    """A new RSA key in PEM format."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*pem).decode()
