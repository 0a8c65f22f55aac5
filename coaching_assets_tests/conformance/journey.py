"""The life of an installation, step by step; after each step the oracle decides whether the tables are right."""

from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, TableKey, change_set
from coaching_assets.doctor.postgres_checks import check_postgres
from coaching_assets.erasure.erase import Request, erase
from coaching_assets.publish.dry_run import dry_run
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.conformance.dependents import dependents
from coaching_assets_tests.conformance.earlier_importer import applications_columns, import_rows, lost
from coaching_assets_tests.conformance.installation import Installation
from coaching_assets_tests.oracle import Expected, actual, differences, expected
from coaching_assets_tests.support.editing import TABLES_OF_A_CALL, changed_rows, later, reimported, without_rows

CALL: TableKey = ("gong", "call")


@dataclass
class Journey:
    """One installation, its source, and the calls that must stay although the source deleted them."""

    installation: Installation
    sample: Sample
    folder: Path
    kept: dict[str, str] = field(default_factory=dict)
    """By the name of the dependent, the call that its row depends on."""
    _files: int = 0

    def wanted(self) -> Expected:
        """What the source requires the tables to hold."""
        self._files += 1
        folder = self.folder / str(self._files)
        self.sample.write(folder)
        return expected(folder, [COMPANY_DOMAIN])

    def assert_right(self) -> None:
        """Compare the application's tables with the oracle."""
        wanted = self.wanted()
        with psycopg2.connect(self.installation.url) as connection:
            found = differences(wanted, actual(connection, self.installation.schema), kept_calls=self.kept.values())
        assert found == [], "\n".join(found)

    def sync(self) -> None:
        """Load the source into BigQuery and sync."""
        self.installation.load(self.sample)
        failures = self.installation.sync().failures
        assert failures == (), "\n".join(failures)

    def adopt(self) -> None:
        """Sync for the first time, over the rows of an earlier importer."""
        self.installation.load(self.sample)
        import_rows(self.installation, self.wanted())
        findings = list(check_postgres(self.installation.settings))
        assert [finding for finding in findings if finding.state == "failed"] == []
        before = applications_columns(self.installation)
        plan = dry_run(self.installation.settings, lambda sentence: None).plan
        assert applications_columns(self.installation) == before, "a dry run writes nothing"
        self.sync()
        assert lost(before, applications_columns(self.installation)) == []
        assert plan.tables["calls"].rows["adopted"] == len(before["calls"])
        self.assert_right()

    def change(self) -> None:
        """Follow an hour of changes at the source."""
        self.sample = change_set(self.sample, 1)
        self.sync()
        self.assert_right()

    def delete_under_peoples_work(self) -> None:
        """Delete calls at the source. Rows of the application depend on all but one of them."""
        shapes = dependents()
        calls = self._complete_calls(len(shapes) + 2)
        *deleted, unused, other = calls
        self.kept = dict(zip((shape.name for shape in shapes), deleted, strict=True))
        for shape in shapes:
            self.installation.execute(shape.row, {"call": self.kept[shape.name], "other": other})
        work = self.installation.peoples_work()
        gone, stamp = {*deleted, unused}, later(self.sample, 3)
        self.sample = changed_rows(
            self.sample,
            CALL,
            lambda row: row | {"_fivetran_deleted": True, "_fivetran_synced": stamp} if row["id"] in gone else row,
        )
        self.sync()
        assert self.installation.peoples_work() == work
        assert self._published([unused]) == 0
        self.assert_right()

    def reconcile(self) -> None:
        """Repair a row that the replica lost and one that somebody changed; keep what people wrote on both."""
        ((monologue, call, index),) = self.installation.query(
            "select transcripts.id::text, gong_call_id, sequence_number::text from transcripts"
            " join calls on calls.id = call_id join gongio_ft.transcript as source"
            " on source.call_id = gong_call_id and source.index::text = sequence_number::text"
            " where not calls.metadata ? 'source_deleted_at' order by source._fivetran_synced desc, 1 limit 1"
        )
        self.installation.query("update transcripts set sentiment = 'glad' where id = %s", [monologue])
        self.installation.query(
            "delete from gongio_ft.transcript where call_id = %s and index::text = %s", [call, index]
        )
        self.installation.query("update calls set title = 'Typed over' where gong_call_id = %s", [call])
        work, before = self.installation.peoples_work(), applications_columns(self.installation)
        result = reconcile(self.installation.settings, repair=True)
        assert result.is_equal, result.skipped
        assert self.installation.peoples_work() == work
        assert applications_columns(self.installation) == before
        self.assert_right()

    def erase(self) -> None:
        """Erase a call on request, with the rows that depend on it; the source delivers it once more."""
        call = self.kept.pop("id")
        work = self.installation.peoples_work()
        erasure = erase(self.installation.settings, Request.of([call], [], []))
        names = [f"{self.installation.schema}.{name}" for name in ("replies", "reviews")]
        assert erasure.cascaded == dict.fromkeys(names, 1), erasure.cascaded
        taken = [name for name, rows in self.installation.peoples_work().items() if rows != work[name]]
        assert [name.rpartition(".")[2] for name in taken] == ['"replies"', '"reviews"']
        self.sample = reimported(self.sample, hours=5)
        self.sync()
        self.sample = without_rows(self.sample, TABLES_OF_A_CALL, {call})
        assert self._published([call]) == 0
        self.assert_right()

    def _complete_calls(self, number: int) -> list[str]:
        """Published calls with speakers and monologues."""
        found = self.installation.query(
            "select gong_call_id from calls where exists (select from speakers where call_id = calls.id)"
            " and exists (select from transcripts where call_id = calls.id) order by 1"
        )
        assert len(found) >= number, f"the sample has {len(found)} complete calls, but the suite needs {number}"
        return [call for (call,) in found[:number]]

    def _published(self, calls: list[str]) -> int:
        ((number,),) = self.installation.query("select count(*) from calls where gong_call_id = any(%s)", [calls])
        return int(number)
