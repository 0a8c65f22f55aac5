"""The locks of a plan do not depend on the number of batches, nor on the application's partitions."""

import pytest

from coaching_assets.demo.sample import generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.postgres.connection import connect
from coaching_assets.publish.plan import make_plan
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.installation import installed_in

pytestmark = pytest.mark.postgres
ENVIRONMENTS = (
    Environment("least rights", has_least_rights=True),
    Environment("partitions", schema="Coaching", before=("partitions", "columns")),
    Environment("row-level security", has_least_rights=True, after=("row_security",)),
)
BATCH_SIZES = (1, 3, 1000)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_a_plan_holds_the_same_locks_for_any_batch_size(
    environment: Environment, postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed_in(environment, postgres, emulator, monkeypatch) as installation:
        installation.load(generate(0.05))
        assert installation.sync().failures == ()
        held = {}
        for size in BATCH_SIZES:
            settings = installation.settings.model_copy(update={"publish_batch_size": size})
            with connect(settings) as database, database.cursor() as cursor:
                make_plan(database, settings)
                cursor.execute("select count(*) from pg_locks where pid = pg_backend_pid()")
                held[size] = cursor.fetchone()
        assert len(set(held.values())) == 1, held
