"""The servers that all tests share: a real Postgres and a real BigQuery emulator, one of each a session."""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres, bigquery_emulator, embedded_postgres
from coaching_assets_tests.support.deployment import (
    BigQueryProject,
    Database,
    Deployment,
    copied,
    created,
    installed,
)
from coaching_assets_tests.support.postgres_servers import (
    PostgresVersion,
    installed_versions,
    missing_versions,
    postgres_server,
)
from coaching_assets_tests.support.receiver import Receiver, receiving
from coaching_assets_tests.support.secured_postgres import SecuredPostgres, secured_postgres

if TYPE_CHECKING:
    from coaching_assets_tests.front.server import Front
    from coaching_assets_tests.stateful.source import Source
    from coaching_assets_tests.stateful.world import World
    from coaching_assets_tests.support.dagster_deployment import DagsterDeployment

NUMBERS = count(1)
SERVERS = {"emulator", "front", "dagster", "own", "secured"}
"""The fixtures that start a server other than the session's Postgres."""
NOT_UNIT = ("integration", "slow", "long", "soak", "postgres", "live")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--postgres=all` runs each test that needs a Postgres once per installed version."""
    parser.addoption("--postgres", default="", help="versions of Postgres: all, or numbers like 15,18")


def versions_to_test(config: pytest.Config) -> list[PostgresVersion]:
    """The versions that the option names; none without it, which means the embedded Postgres.

    Raises:
        UsageError: a version is not installed. CI needs all versions that the tests support.
    """
    wanted, installed = config.getoption("--postgres"), installed_versions()
    if wanted == "all":
        if os.environ.get("CI") and (missing := missing_versions()):
            raise pytest.UsageError(f"Postgres {sorted(missing)} is not installed. Run: make setup servers")
        return list(installed.values())
    unknown = [number for number in filter(None, wanted.split(",")) if int(number) not in installed]
    if unknown:
        raise pytest.UsageError(f"Postgres {unknown} is not installed, only {list(installed)}.")
    return [installed[int(number)] for number in filter(None, wanted.split(","))]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the versions of Postgres that the tests run on."""
    versions = [str(version.major) for version in versions_to_test(config)]
    return f"Postgres: {', '.join(versions)}" if versions else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on each version that the option names."""
    versions = versions_to_test(metafunc.config)
    if versions and "postgres" in metafunc.fixturenames:
        parameters = [pytest.param(version, id=f"Postgres {version.major}") for version in versions]
        metafunc.parametrize("postgres", parameters, indirect=True, scope="session")


def mark_further_variants(items: list[pytest.Item]) -> None:
    """Move the variants of a test beyond its `representatives` to `make test-long`."""
    variants: Counter[str] = Counter()
    for item in items:
        if marker := item.get_closest_marker("representatives"):
            test = item.nodeid.partition("[")[0]
            variants[test] += 1
            if variants[test] > marker.args[0]:
                item.add_marker(pytest.mark.long)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `make test-unit`, which need no server but one Postgres, and those of `make test-long`."""
    mark_further_variants(items)
    for item in items:
        starts_servers = SERVERS & set(getattr(item, "fixturenames", ()))
        if not starts_servers and not any(item.get_closest_marker(name) for name in NOT_UNIT):
            item.add_marker(pytest.mark.unit)


@pytest.fixture(scope="session", autouse=True)
def impatience() -> Iterator[None]:
    """A Postgres that is away is tried again as often as ever, but at once."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POSTGRES_RETRY_SECONDS", "0.01")
        yield


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    version: PostgresVersion | None = getattr(request, "param", None)
    # not in pytest's own folder: another pytest that starts meanwhile takes that away from everybody but root
    with TemporaryDirectory(prefix="coaching-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = postgres_server(version, folder) if version else embedded_postgres(folder, durable=False)
        with server as running:
            yield running


@pytest.fixture(scope="session")
def secured() -> Iterator[SecuredPostgres]:
    """A Postgres that demands passwords, encryption or certificates."""
    with (
        TemporaryDirectory(prefix="secured-", ignore_cleanup_errors=True) as folder,
        secured_postgres(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def emulator() -> Iterator[BigQueryEmulator]:
    with pytest.MonkeyPatch.context() as environment:
        # Its Read API sends no message larger than this; BigQuery sends larger cells than the default allows.
        environment.setenv("BQEMU_WRITE_API_MAX_REQUEST_BYTES", str(256 * 1024**2))
        with bigquery_emulator() as server:
            yield server


@pytest.fixture(scope="session")
def world(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[World]":
    """A small installation in use, of which a test takes a copy by `begin`: cheaper than a first sync of its own."""
    # imported here, like others below, because it imports Dagster, which most tests do without
    from coaching_assets_tests.stateful.world import World

    with (
        pytest.MonkeyPatch.context() as environment,
        installed("world", postgres, emulator, environment) as installation,
    ):
        world = World(installation, "strings", tmp_path_factory.mktemp("world"))
        environment.undo()
        yield world


@pytest.fixture
def source(world: "World", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Source]":
    """What the small installation's source holds, for a test to edit; its database is a copy for this test alone."""
    yield world.begin(monkeypatch)
    world.end()


@pytest.fixture
def deployment(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """The application's empty tables, and an empty BigQuery project."""
    with installed(f"test{next(NUMBERS)}", postgres, emulator, monkeypatch) as installation:
        yield installation


@pytest.fixture
def database(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The application's empty tables, without BigQuery: for tests of `make test-unit`."""
    return created(f"database{next(NUMBERS)}", postgres, monkeypatch)


@pytest.fixture
def front(emulator: BigQueryEmulator) -> "Iterator[Front]":
    """A server before the emulator that behaves as Google documents; a test switches more behaviours on."""
    from coaching_assets_tests.front.server import front_server

    with front_server(emulator) as server:
        yield server


@pytest.fixture
def fronted(postgres: EmbeddedPostgres, front: "Front", monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """The application's empty tables, and an empty BigQuery project behind the front server."""
    with installed(f"front{next(NUMBERS)}", postgres, front.emulator, monkeypatch) as installation:
        yield installation


@pytest.fixture(scope="session")
def tenth() -> Sample:
    """A tenth of the demo's sample."""
    return generate(0.1)


@pytest.fixture(scope="session")
def synced_tenth(postgres: EmbeddedPostgres, emulator: BigQueryEmulator, tenth: Sample) -> Iterator[BigQueryProject]:
    """A BigQuery project that was synced into a database of the same name, to be copied."""
    with (
        pytest.MonkeyPatch.context() as environment,
        installed("tenth", postgres, emulator, environment) as installation,
    ):
        installation.load(tenth)
        assert installation.sync().failures == ()
        environment.undo()
        yield installation.project


@pytest.fixture
def synced(
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    monkeypatch: pytest.MonkeyPatch,
    tenth: Sample,
    synced_tenth: BigQueryProject,
) -> Deployment:
    """A tenth of the demo's sample, synced. The database is a copy; the project is the same for all tests."""
    synced_tenth.load(tenth)
    name = f"test{next(NUMBERS)}"
    return copied(name, synced_tenth.name, postgres, emulator, synced_tenth, monkeypatch)


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Whom the served Dagster alerts."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def dagster(
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[DagsterDeployment]":
    """A Dagster that serves an installation in use: its sensors are on, and brought over what BigQuery has."""
    from coaching_assets_tests.support.dagster_deployment import (
        HOURS_TO_COME,
        UPDATE_PICTURES,
        dagster_deployment,
        recent_sample,
    )

    home, sample = tmp_path_factory.mktemp("dagster_home"), recent_sample(1.0 if UPDATE_PICTURES else 0.1)
    with dagster_deployment("served", postgres, emulator, sample, home, receiver.url) as served:
        served.idle()
        served.live_through(HOURS_TO_COME if UPDATE_PICTURES else 0)
        yield served
