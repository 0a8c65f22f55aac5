"""Row-level security never costs a row, whichever table has it: the sync stops, and doctor names the remedy."""

import pytest

from coaching_assets.demo.sample import generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.doctor.finding import Finding
from coaching_assets.doctor.postgres_checks import check_postgres
from coaching_assets.publish.dry_run import dry_run
from coaching_assets.publish.row_security import RowsHidden
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.installation import Installation, installed_in
from coaching_assets_tests.support.editing import edited

pytestmark = pytest.mark.postgres
LEAST_RIGHTS = Environment("least rights", has_least_rights=True)
HIDDEN = {
    "a published table": "calls",
    "a table that references a speaker": "coaching_sessions",
    "a table in another schema": '"Other People"."Their ""Notes"""',
    "a table that references a monologue": "quotes",
}
"""Tables that get row-level security, one after the other."""


def hidden_tables(installation: Installation) -> list[Finding]:
    findings = check_postgres(installation.settings)
    return [finding for finding in findings if "Row-level security hides" in finding.message]


def test_hidden_rows_stop_the_sync(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = generate(0.02)
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        installation.load(sample)
        assert installation.sync().failures == ()
        ((call,),) = installation.query(
            "select gong_call_id from calls join transcripts on call_id = calls.id group by 1 order by 1 limit 1"
        )
        installation.execute(LEAST_RIGHTS.script("work"), {"call": call})
        work, calls = installation.peoples_work(), installation.query("select id from calls order by 1")
        for hours, table in enumerate(HIDDEN.values(), 1):
            installation.query(f"alter table {table} enable row level security")
            installation.query(f"create policy coaches on {table} to pg_monitor using (true)")
            (finding,) = hidden_tables(installation)
            assert table in finding.message
            assert "alter role coaching_sync bypassrls;" in finding.remedy
            with pytest.raises(RowsHidden, match="alter role coaching_sync bypassrls;") as refused:
                dry_run(installation.settings, lambda sentence: None)
            assert table in str(refused.value)
            installation.load(edited(sample, ("gong", "call"), {"id": call}, hours=hours, _fivetran_deleted=True))
            failures = installation.sync().failures
            assert failures and all("Row-level security" in failure for failure in failures), table
            assert installation.peoples_work() == work
            assert installation.query("select id from calls order by 1") == calls
            installation.query(f"alter table {table} disable row level security")
        assert hidden_tables(installation) == []
        assert installation.sync().failures == ()
        assert installation.peoples_work() == work


def test_the_owner_of_a_table_is_a_remedy(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        owner = f"owner_{installation.name}"
        installation.query(f"create role {owner}")
        installation.query(f"alter table session_notes owner to {owner}")
        installation.query("alter table session_notes enable row level security")
        (finding,) = hidden_tables(installation)
        assert f"grant {owner} to coaching_sync;" in finding.remedy
        installation.query("alter table session_notes force row level security")
        (finding,) = hidden_tables(installation)
        assert owner not in finding.remedy, "the owner is subject to a forced policy too"
        installation.query("alter table session_notes no force row level security")
        installation.query(f"grant {owner} to coaching_sync")
        assert hidden_tables(installation) == []
        installation.query(f"revoke {owner} from coaching_sync")


def test_a_partition_counts_only_if_a_key_references_it(
    postgres: EmbeddedPostgres, emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        installation.query("alter table views_2026 enable row level security")
        assert hidden_tables(installation) == [], "the sync reads the partitioned table, whose policies apply"
        installation.query("alter table alarms_1 enable row level security")
        (finding,) = hidden_tables(installation)
        assert "alarms_1" in finding.message and "views" not in finding.message
