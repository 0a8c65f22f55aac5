"""The life of an installation on datasets of its own. After each step the oracle checks its tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coaching_assets.demo.sample import Sample, TableKey, change_set
from coaching_assets.doctor.checks import run_checks
from coaching_assets.erasure.erase import Request, erase
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.live.bill import bill_of
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import TABLES_OF_A_CALL, found_differences, later, reimported, without_rows

EMAIL: TableKey = ("gong", "email")
RECORDED = """
    select case kind when 'query' then 'query' else 'read' end, sum(requests), sum(bytes_billed)
    from coaching_sync.bigquery_bytes where period = 'run' group by 1
"""
MB = 1_000_000
CLOCK_DIFFERENCE = timedelta(minutes=15)
"""By which this machine's clock may differ from BigQuery's, where jobs are listed."""


@dataclass
class Journey:
    """An installation and its source. Each step prints one line once it has passed."""

    installation: Deployment
    sample: Sample
    folder: Path
    maximum_bytes: int
    """The bytes that all queries and reads may bill."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _compared: int = 0

    def run(self, *steps: Callable[[], str]) -> None:
        """Take these steps, or else all, in this order. The first one that fails ends the journey."""
        for step in steps or (
            self.doctor,
            self.first_sync,
            self.nothing_changes,
            self.changes,
            self.late_rows,
            self.reconciliation,
            self.erasure,
            self.cost,
        ):
            print(f"{step.__name__.replace('_', ' ')}: {step()}", flush=True)

    def doctor(self) -> str:
        """Check the rights on both servers."""
        self.installation.load(self.sample)
        findings = list(run_checks(self.installation.settings))
        assert [finding for finding in findings if finding.state == "failed"] == []
        return f"{len(findings)} checks"

    def first_sync(self) -> str:
        """Copy and publish everything."""
        rows = self.sync()
        assert rows == sum(table.rows.num_rows for table in self.sample.tables.values())
        return f"{rows:,} rows read"

    def nothing_changes(self) -> str:
        """Read nothing while BigQuery has not changed."""
        rows = self.sync()
        assert rows == 0
        return f"{rows} rows read"

    def changes(self) -> str:
        """Follow an hour of changes, among them calls and e-mails that arrive late; read little more than those."""
        everything = sum(table.rows.num_rows for table in self.sample.tables.values())
        self.sample = change_set(self.sample, 1)
        rows = self.sync()
        assert rows < everything / 10
        return f"{rows} rows read"

    def late_rows(self) -> str:
        """Find an e-mail whose stamp is older than the watermark by almost the whole overlap."""
        overlap = self.installation.settings.replica_overlap
        newest = max(row["_fivetran_synced"] for row in self.sample.rows(*EMAIL) if row["_fivetran_synced"])
        self._add_email("late", newest - overlap + timedelta(minutes=1))
        rows = self.sync()
        assert self._subjects("late") == [("Late",)]
        return f"{rows} rows read"

    def reconciliation(self) -> str:
        """Find and load an e-mail that no sync reads, because its stamp is older than the overlap."""
        self._add_email("much later", later(self.sample) - timedelta(days=60))
        sample, self.sample = self.sample, without_rows(self.sample, {EMAIL: "id"}, {"much later"})
        self.installation.load(sample)
        assert self._synced() >= 0
        self.assert_right()

        result = reconcile(self.installation.settings, repair=True)
        found = {name: rows for name, rows in result.found.items() if rows}
        assert found == {f"{self.installation.settings.gong_dataset}.email": 1}
        assert result.is_equal, result.skipped
        self.sample = sample
        self.assert_right()
        return f"{len(result.comparisons)} tables compared, 1 row repaired"

    def erasure(self) -> str:
        """Erase a call. It does not come back, although Fivetran delivers everything again, with an hour of changes."""
        ((call,),) = self.installation.query("select min(gong_call_id) from calls")
        erased = erase(self.installation.settings, Request.of([call], [], []))
        assert erased.published[f"{self.installation.settings.coaching_schema}.calls"] == 1
        delivered = reimported(change_set(self.sample, 2), hours=3)
        self.installation.load(delivered)
        rows = self._synced()
        self.sample = without_rows(delivered, TABLES_OF_A_CALL, {call})
        self.assert_right()
        return f"{rows:,} rows read again"

    def cost(self) -> str:
        """Compare the recorded bytes with those that BigQuery billed for queries, and add those of reads."""
        project = self.installation.project
        bill = bill_of(project.client, project.datasets, self.started - CLOCK_DIFFERENCE)
        assert bill.without_limit == []
        recorded = {kind: tuple(map(int, figures)) for kind, *figures in self.installation.query(RECORDED)}
        queries, reads = recorded.get("query", (0, 0)), recorded["read"]
        assert queries == (len(bill.jobs), bill.bytes_billed)
        assert 0 < sum((*queries[1:], *reads[1:])) <= self.maximum_bytes
        return f"{queries[1] / MB:.1f} MB billed for {queries[0]} queries, {reads[1] / MB:.1f} MB for {reads[0]} reads"

    def sync(self) -> int:
        """Load what changed into BigQuery, sync, and compare with the oracle; the rows read."""
        self.installation.load(self.sample)
        rows = self._synced()
        self.assert_right()
        return rows

    def assert_right(self) -> None:
        """Compare the application's tables with the oracle."""
        self._compared += 1
        found = found_differences(self.installation, self.sample, self.folder / str(self._compared))
        assert found == [], "\n".join(found)

    def _synced(self) -> int:
        report = self.installation.sync()
        assert report.failures == (), "\n".join(report.failures)
        return sum(int(line.figures[0] or 0) for line in report.lines if not line.asset.startswith("coaching/"))

    def _add_email(self, identity: str, synced: datetime) -> None:
        row = {"id": identity, "subject": identity.capitalize(), "_fivetran_synced": synced}
        self.sample = self.sample.replaced({EMAIL: self.sample[EMAIL].appended([row])})

    def _subjects(self, identity: str) -> list[tuple]:
        return self.installation.query("select subject from emails where gong_email_id = %s", [identity])
