"""A plan's locks: their number does not depend on the number of batches."""

import pytest
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import connect
from coaching_assets.publish import plan
from coaching_assets.publish.published_table import Group
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.write import Lock
from coaching_assets_tests.support.deployment import Deployment

OWN_LOCKS = "select count(*) from pg_locks where pid = pg_backend_pid()"


@pytest.fixture
def locks_by_batch(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """The number of locks that the plan's session holds after each batch, by group."""
    held: dict[str, list[int]] = {group.name: [] for group in GROUPS}
    compute = plan.compute_batch

    def count_locks(cursor: Cursor, group: Group, *, lock: Lock) -> None:
        compute(cursor, group, lock=lock)
        cursor.execute(OWN_LOCKS)
        held[group.name].append((cursor.fetchone() or (0,))[0])

    monkeypatch.setattr(plan, "compute_batch", count_locks)
    return held


def test_locks_do_not_grow_with_batches(synced: Deployment, locks_by_batch: dict[str, list[int]]) -> None:
    with connect(synced.settings) as database:
        plan.make_plan(database, synced.settings.model_copy(update={"publish_batch_size": 1}))
    for group, held in locks_by_batch.items():
        assert len(held) >= 10, group
        assert held[-1] == held[1], group
