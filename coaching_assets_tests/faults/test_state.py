"""What dlt and this project remember is lost: the next sync brings everything back, without a manual step."""

from pathlib import Path

import pytest

from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.servers import back_up, restore
from coaching_assets_tests.stateful.arrivals import CALL

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
REPRESENTATIVE = ("the bookkeeping",)


@pytest.mark.representatives(5)
@pytest.mark.breaks("dlt's state, a replica or the bookkeeping is lost")
@pytest.mark.parametrize(
    "loss", [loss if loss in REPRESENTATIVE else pytest.param(loss, marks=pytest.mark.slow) for loss in LOSSES]
)
def test_a_loss_heals(scene: Scene, loss: str) -> None:
    scene.world.query(LOSSES[loss])
    scene.assert_healed()


@pytest.mark.breaks("a replica is lost, and a column has another type since")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("scheduled", "TIMESTAMP"),
        # as long as the type before: not an error, but other numbers
        ("duration", "FLOAT64"),
    ],
)
def test_a_replica_is_lost_and_a_column_has_another_type(scene: Scene, column: str, type_: str) -> None:
    """The staging tables outlive the replica, with columns of the old type."""
    scene.source.retype(CALL, column, type_)
    scene.world.load(scene.source)
    scene.source.note_seen()
    scene.world.query(LOSSES["a replica's schema"])
    scene.assert_healed()


@pytest.mark.slow
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


@pytest.mark.breaks("an older backup of the database is restored")
@pytest.mark.slow
def test_a_backup_that_is_restored_is_brought_up_to_date(scene: Scene, tmp_path: Path) -> None:
    """Taken before the last sync; what the application wrote since is lost with it, as with any backup."""
    url = scene.world.deployment.postgres.url(scene.database)
    back_up(url, tmp_path / "dump")
    scene.sync()
    scene.world.query("delete from transcripts where sequence_number > 3")
    restore(tmp_path / "dump", url)
    scene.assert_healed()


@pytest.mark.breaks("two machines with different clocks")
@pytest.mark.slow
def test_loads_of_a_machine_whose_clock_is_late_are_published(scene: Scene) -> None:
    """A load's id is the time at which it began; what counts is that it is new, not that it is newer."""
    for table in ("call", "transcript", "call_speaker", "email"):
        # as a machine would have loaded it whose clock is a month ahead
        scene.world.query(f"update gongio_ft.{table} set _dlt_load_id = (_dlt_load_id::numeric + 2592000)::text")
    scene.world.query(
        "update coaching_sync.published_loads set load_id = (load_id::numeric + 2592000)::text"
        " where source_view in ('gong_call', 'gong_transcript', 'gong_call_speaker', 'gong_email')"
    )
    assert scene.world.query(
        "select count(*) from coaching_sync.published_loads where load_id::numeric > extract(epoch from now())"
    )
    scene.assert_healed()
