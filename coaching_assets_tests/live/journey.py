"""The life of an installation on datasets of its own. After each step the oracle checks its tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coaching_assets.demo.sample import Sample, TableKey, change_set
from coaching_assets.doctor.checks import run_checks
from coaching_assets.erasure.erase import Request, erase
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.live.bill import MAXIMUM_BYTES, Bill, bill_of
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import TABLES_OF_A_CALL, found_differences, later, reimported, without_rows

EMAIL: TableKey = ("gong", "email")
CLOCK_DIFFERENCE = timedelta(minutes=15)
"""By which this machine's clock may differ from BigQuery's, where jobs are listed."""


@dataclass
class Journey:
    """An installation and its source. Each step prints one line once it has passed."""

    installation: Deployment
    sample: Sample
    folder: Path
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _compared: int = 0

    def run(self, *steps: Callable[[], str]) -> None:
        """Take these steps, or else all, in this order. The first one that fails ends the journey."""
        for step in steps or (
            self.doctor,
            self.first_sync,
            self.nothing_changes,
            self.change_sets,
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

    def change_sets(self) -> str:
        """Follow two hours of changes, among them calls and e-mails that arrive late; read little more than those."""
        everything = sum(table.rows.num_rows for table in self.sample.tables.values())
        read = []
        for number in (1, 2):
            self.sample = change_set(self.sample, number)
            read.append(self.sync())
        assert max(read) < everything / 10
        return f"{' and '.join(map(str, read))} rows read"

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
        """Erase a call. It does not come back, although Fivetran delivers everything again."""
        ((call,),) = self.installation.query("select min(gong_call_id) from calls")
        erased = erase(self.installation.settings, Request.of([call], [], []))
        assert erased.published[f"{self.installation.settings.coaching_schema}.calls"] == 1
        delivered = reimported(self.sample, hours=3)
        self.installation.load(delivered)
        rows = self._synced()
        self.sample = without_rows(delivered, TABLES_OF_A_CALL, {call})
        self.assert_right()
        return f"{rows:,} rows read again"

    def cost(self) -> str:
        """Add up the bytes that BigQuery billed for the queries of this journey."""
        bill = self._bill()
        assert bill.without_limit == []
        assert 0 < bill.bytes_billed <= MAXIMUM_BYTES
        return f"{bill.bytes_billed / 1024**2:.0f} MiB billed for {len(bill.jobs)} queries"

    def no_queries(self) -> str:
        """A sync runs no query, unless a source table is a view."""
        assert self._bill().jobs == ()
        return "none"

    def _bill(self) -> Bill:
        project = self.installation.project
        return bill_of(project.client, project.datasets, self.started - CLOCK_DIFFERENCE)

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
