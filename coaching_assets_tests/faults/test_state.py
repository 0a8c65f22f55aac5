"""What dlt and this project remember is lost: the next sync brings everything back, without a manual step."""

import pytest

from coaching_assets.commands.sync import run_sync
from coaching_assets_tests.faults.scene import Scene

LOSSES = {
    "dlt's state": "delete from gongio_ft._dlt_pipeline_state; delete from salesforce_ft._dlt_pipeline_state",
    "dlt's tables": "drop table gongio_ft._dlt_pipeline_state, gongio_ft._dlt_loads, gongio_ft._dlt_version",
    "a replica's schema": "drop schema gongio_ft cascade",
    "a replica and its staging schema": "drop schema salesforce_ft, salesforce_ft_staging cascade",
    "the staging schemas": "drop schema gongio_ft_staging, salesforce_ft_staging cascade",
    "the bookkeeping": "drop schema coaching_sync cascade",
    "everything of ours": "drop schema coaching_sync, gongio_ft, gongio_ft_staging, salesforce_ft,"
    " salesforce_ft_staging cascade",
}
REPRESENTATIVE = ("dlt's state", "a replica's schema", "the bookkeeping")


@pytest.mark.breaks("dlt's state, a replica or the bookkeeping is lost")
@pytest.mark.parametrize(
    "loss", [loss if loss in REPRESENTATIVE else pytest.param(loss, marks=pytest.mark.faults) for loss in LOSSES]
)
def test_a_loss_heals(scene: Scene, loss: str) -> None:
    scene.world.query(LOSSES[loss])
    scene.assert_healed()


def test_the_bookkeeping_of_dlt_does_not_grow_without_bound(scene: Scene) -> None:
    for table, columns, values in (
        (
            "_dlt_loads",
            "load_id, schema_name, status, inserted_at",
            "'0' || n, 'gong_calls', 0, now() - interval '90 days'",
        ),
        (
            "_dlt_pipeline_state",
            "version, engine_version, pipeline_name, state, created_at, _dlt_load_id, _dlt_id",
            "n, 4, 'gong_calls', '', now() - interval '90 days', '0' || n, n::text",
        ),
        (
            "_dlt_version",
            "version, engine_version, inserted_at, schema_name, version_hash, schema",
            "n, 11, now() - interval '90 days', 'gong_calls', n::text, ''",
        ),
    ):
        scene.world.query(
            f"insert into gongio_ft.{table} ({columns}) select {values} from generate_series(1, 500) as n"
        )
    scene.assert_healed()
    for table in ("_dlt_loads", "_dlt_pipeline_state", "_dlt_version"):
        rows = scene.world.query(f"select count(*) from gongio_ft.{table}")[0][0]
        assert 0 < rows < 50, f"{table} has {rows} rows"


@pytest.mark.faults
def test_three_syncs_at_once_wait_for_one_another(scene: Scene) -> None:
    scene.world.query(LOSSES["everything of ours"])
    commands = [scene.start("sync") for _ in range(3)]
    for command in commands:
        assert command.wait() == 0, command.printed()
    assert scene.problems() == []
    assert run_sync(scene.world.deployment.settings).success
