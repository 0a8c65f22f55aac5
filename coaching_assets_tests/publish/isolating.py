"""Publishes what is in the replica, without a source, and compares the application's tables before and after."""

from coaching_assets.publish.sync import GroupSync, publish_group
from coaching_assets.publish.tables import GROUPS, TABLES
from coaching_assets_tests.support.deployment import Database

NOT_COMPARED = "- '{processed_at,created_at,updated_at,share}'::text[]"


def publish(database: Database, name: str = "calls") -> GroupSync:
    """Publish a group again from the replica."""
    (group,) = (group for group in GROUPS if group.name == name)
    return publish_group(database.settings, group, group.tables)


def publish_everything(database: Database, name: str = "calls") -> GroupSync:
    """Publish a group as if all of its loads were new."""
    database.query("delete from coaching_sync.published_loads")
    return publish(database, name)


def contents(database: Database) -> dict[tuple[str, str], str]:
    """The rows of the application's tables by table and key."""
    rows: dict[tuple[str, str], str] = {}
    for table in TABLES:
        row = f"(to_jsonb({table.name}) {NOT_COMPARED})::text"
        found = database.query(f"select concat_ws(' ', {', '.join(table.key)}), {row} from {table.name}")
        rows |= {(table.name, key): text for key, text in found}
    return rows


def rejections(database: Database) -> list[tuple]:
    """The rows that Postgres rejected: table, reason, constraint."""
    return database.query(
        "select published_table, reason, constraint_name from coaching_sync.rejected_rows"
        " where sqlstate is not null order by published_table, reason"
    )


def status(database: Database, table: str) -> str:
    """The state of a table's last sync."""
    ((state,),) = database.query("select last_sync_status from sync_status where entity_type = %s", [table])
    return str(state)
