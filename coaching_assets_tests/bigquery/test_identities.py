"""The credentials, proxies and addresses that the user sets reach both of Google's clients."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.credentials import describe_identity
from coaching_assets.bigquery.errors import AccessDenied, SourceError, Unavailable
from coaching_assets.doctor.bigquery_checks import check_bigquery
from coaching_assets.settings import SettingError, Settings
from coaching_assets_tests.front.behaviour import Behaviour, Request
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.support import credential_files as files
from coaching_assets_tests.support.http_servers import ConnectProxy, TokenServer, connect_proxy, token_server

GOOGLE_VARIABLES = (
    *("GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_UNIVERSE_DOMAIN", "GOOGLE_CLOUD_PROJECT"),
    *("BIGQUERY_EMULATOR_HOST", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy"),
    *("ALL_PROXY", "all_proxy", "no_proxy", "NO_PROXY", "no_grpc_proxy"),
)


@dataclass
class Google:
    """A token server, a proxy to the rest of Google, and BigQuery's REST API, which is the emulator's."""

    tokens: TokenServer
    proxy: ConnectProxy
    front: Front
    requests: "Headers"
    folder: Path

    def settings(self, credentials: dict[str, Any], **more: Any) -> Settings:
        """Settings with a file of these credentials, and with the REST API's address unless `more` has another."""
        path = files.write(self.folder, credentials)
        address = {"bigquery_api_endpoint": self.front.emulator.rest_url}
        return Settings(**{"bigquery_project": "acme", "google_application_credentials": path, **address, **more})

    def targets(self) -> set[str]:
        """The addresses that were called through the proxy.

        But IAM's, which the library asks for an account's allowed locations; it goes on without an answer.
        """
        return set(self.proxy.targets) - {"iamcredentials.googleapis.com:443"}

    def header(self, name: str) -> str | None:
        """A header of the last request to BigQuery."""
        return self.requests.headers[-1].get(name)


@dataclass
class Headers(Behaviour):
    """Keeps the headers of all requests."""

    headers: list[Message] = field(default_factory=list)

    def before_request(self, request: Request) -> None:
        """Keep the headers; their names have no case."""
        message = Message()
        for name, value in request.headers.items():
            message[name] = value
        self.headers.append(message)


@pytest.fixture
def google(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    for name in GOOGLE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with token_server() as tokens, connect_proxy() as proxy:
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setattr("coaching_assets.bigquery.client.RETRY_SECONDS", 0.01)
        yield Google(tokens, proxy, front, front.add(Headers()), tmp_path)


def test_a_service_accounts_key(google: Google) -> None:
    """https://developers.google.com/identity/protocols/oauth2/service-account ."""
    settings = google.settings(files.service_account(f"{google.tokens.url}/key"))
    with connect(settings) as bigquery:
        assert bigquery.describe("gong", "nothing") is None
        assert describe_identity(bigquery.credentials) == f"service account {files.ROBOT}"
    assert google.header("Authorization") == "Bearer token-of-key"


@pytest.mark.slow
def test_workload_identity_federation_with_impersonation(google: Google) -> None:
    """https://cloud.google.com/iam/docs/workload-identity-federation . The Resource Manager is not asked."""
    with connect(google.settings(files.federated(google.folder, google.tokens.url))) as bigquery:
        assert bigquery.describe("gong", "nothing") is None
        assert describe_identity(bigquery.credentials) == (
            f"service account {files.TARGET} by workload identity federation"
        )
    assert google.tokens.paths == ["/v1/token", files.IMPERSONATION]
    assert google.tokens.requests[0][1]["subject_token"] == "a token of another identity provider"
    assert google.header("Authorization") == f"Bearer {google.tokens.token(files.IMPERSONATION)['access_token']}"
    assert google.targets() == set()


@pytest.mark.slow
def test_workload_identity_federation_without_a_service_account(google: Google) -> None:
    """https://cloud.google.com/iam/docs/workload-identity-federation#access_management : direct resource access."""
    credentials = files.federated(google.folder, google.tokens.url, impersonate=False)
    with connect(google.settings(credentials)) as bigquery:
        assert bigquery.describe("gong", "nothing") is None
        assert (
            describe_identity(bigquery.credentials) == "the federated identity itself by workload identity federation"
        )
    assert google.header("Authorization") == "Bearer token-of-v1-token"
    assert google.targets() == set()


@pytest.mark.slow
def test_an_impersonated_service_account(google: Google) -> None:
    """https://cloud.google.com/docs/authentication/use-service-account-impersonation : IAM is asked with the source's
    token; here the proxy does not let the request pass."""
    with connect(google.settings(files.impersonated(f"{google.tokens.url}/key"))) as bigquery:
        with pytest.raises(Unavailable):
            bigquery.describe("gong", "nothing")
        assert describe_identity(bigquery.credentials) == f"service account {files.TARGET} by impersonation"
    assert google.tokens.paths[0] == "/key"
    assert set(google.proxy.targets) == {"iamcredentials.googleapis.com:443"}


@pytest.mark.slow
def test_a_users_credentials(google: Google) -> None:
    """https://cloud.google.com/docs/authentication/set-up-adc-local-dev-environment ."""
    with connect(google.settings(files.user(account="eva@acme.example"))) as bigquery:
        with pytest.raises(Unavailable):
            bigquery.describe("gong", "nothing")
        assert describe_identity(bigquery.credentials) == "user account eva@acme.example"
    assert set(google.proxy.targets) == {"oauth2.googleapis.com:443"}


QUOTA = {
    "a key and the environment": (lambda g: files.service_account(f"{g.tokens.url}/key"), {"from": "environment"}),
    "federation and the environment": (lambda g: files.federated(g.folder, g.tokens.url), {"from": "environment"}),
    "federation's own file": (lambda g: files.federated(g.folder, g.tokens.url, quota_project_id="quota"), {}),
}


@pytest.mark.parametrize(
    "case", ["a key and the environment", *(pytest.param(c, marks=pytest.mark.slow) for c in list(QUOTA)[1:])]
)
def test_the_quota_project_is_sent(google: Google, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """https://cloud.google.com/docs/quotas/set-quota-project : the header x-goog-user-project."""
    credentials, where = QUOTA[case]
    if where:
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "quota")
    with connect(google.settings(credentials(google))) as bigquery:
        assert bigquery.describe("gong", "nothing") is None
        assert describe_identity(bigquery.credentials).endswith(", quota project quota")
    assert google.header("X-Goog-User-Project") == "quota"


ADDRESSES = {
    "Google's": ({}, "", ("bigquery.googleapis.com:443", "bigquerystorage.googleapis.com:443")),
    "a universe": ({}, "s3nsapis.example", ("bigquery.s3nsapis.example:443", "bigquerystorage.s3nsapis.example:443")),
    "Private Service Connect": (
        {
            "bigquery_api_endpoint": "bigquery-psc.p.googleapis.com",
            "bigquery_storage_api_endpoint": "bigquerystorage-psc.p.googleapis.com",
        },
        "",
        ("bigquery-psc.p.googleapis.com:443", "bigquerystorage-psc.p.googleapis.com:443"),
    ),
    "a regional endpoint": (
        {
            "bigquery_api_endpoint": "https://bigquery.europe-west3.rep.googleapis.com",
            "bigquery_storage_api_endpoint": "https://bigquerystorage.europe-west3.rep.googleapis.com:443/",
        },
        "",
        ("bigquery.europe-west3.rep.googleapis.com:443", "bigquerystorage.europe-west3.rep.googleapis.com:443"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ADDRESSES)
def test_both_clients_call_their_address_through_the_proxy(google: Google, case: str) -> None:
    """Universes: https://google.aip.dev/client-libraries/4231 ; endpoints:
    https://cloud.google.com/bigquery/docs/reference/rest#service-endpoint ; gRPC's proxies:
    https://github.com/grpc/grpc/blob/master/doc/environment_variables.md ."""
    addresses, universe, (rest, storage) = ADDRESSES[case]
    key = files.service_account(f"{google.tokens.url}/key", **({"universe_domain": universe} if universe else {}))
    with connect(google.settings(key, **({"bigquery_api_endpoint": None} | addresses))) as bigquery:
        with pytest.raises(Unavailable, match="proxy"):
            bigquery.describe("gong", "nothing")
        assert google.targets() == {rest}
        google.proxy.targets.clear()
        with pytest.raises(SourceError), bigquery.translated_errors():
            bigquery.storage.create_read_session(parent="projects/acme", read_session={}, retry=None, timeout=10)
    assert google.targets() == {storage}


def test_a_universe_that_is_not_the_credentials_is_a_sentence(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "s3nsapis.example")
    with (
        connect(google.settings(files.service_account(f"{google.tokens.url}/key"))) as bigquery,
        pytest.raises(SettingError, match=r"GOOGLE_CLOUD_UNIVERSE_DOMAIN is s3nsapis\.example, but the credentials"),
    ):
        bigquery.describe("gong", "nothing")


REJECTIONS = {
    "key": ("/key", 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, "Invalid JWT"),
    "federation": (
        "/v1/token",
        400,
        {"error": "invalid_target", "error_description": "The audience does not exist."},
        "The audience does not exist",
    ),
    "impersonation": (
        files.IMPERSONATION,
        403,
        {"error": {"code": 403, "message": "Permission 'iam.serviceAccounts.getAccessToken' denied"}},
        "Permission 'iam.serviceAccounts.getAccessToken' denied",
    ),
}


@pytest.mark.parametrize("case", ["key", *(pytest.param(c, marks=pytest.mark.slow) for c in list(REJECTIONS)[1:])])
def test_googles_reason_is_in_the_sentence(google: Google, case: str) -> None:
    path, status, answer, words = REJECTIONS[case]
    google.tokens.errors[path] = (status, answer)
    url = google.tokens.url
    credentials = files.service_account(f"{url}/key") if case == "key" else files.federated(google.folder, url)
    with (
        connect(google.settings(credentials)) as bigquery,
        pytest.raises(AccessDenied, match="Google rejects") as caught,
    ):
        bigquery.describe("gong", "nothing")
    assert words in str(caught.value)


def test_doctor_names_the_identity(google: Google) -> None:
    settings = google.settings(files.federated(google.folder, google.tokens.url, quota_project_id="quota"))
    first = next(iter(check_bigquery(settings)))
    assert first.message == (
        f"BigQuery answers for project acme; credentials: environment, service account {files.TARGET} "
        "by workload identity federation, quota project quota"
    )
