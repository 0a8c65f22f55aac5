"""A dlt pipeline that loads the other tables if one of them fails, from what it has already read."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName
from dlt.extract.extract import Extract
from dlt.extract.source import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.pipeline import Pipeline

from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.locks import table_locked
from coaching_assets.postgres.retries import retried
from coaching_assets.replica.failures import concerns_every_table, is_locked, table_at_fault
from coaching_assets.schema_names import STAGING
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo, NormalizeInfo
    from dlt.common.schema.typing import TTableSchema

Info = TypeVar("Info")


class TolerantPipeline(Pipeline):
    """Leaves tables that fail out of a load.

    dlt gives up a load if one table fails. A second run would read every table from BigQuery again. This pipeline
    deletes what it has of the failing table, and continues with the files of the others.
    """

    settings: Settings
    failed: dict[str, Exception]
    """The error of each table that was left out, by name. A resource adds its own while it is read."""
    warn: Callable[[str], object]

    def _extract_source(self, extract: Extract, source: DltSource, *arguments: Any, **options: Any) -> str:
        """Read the tables, and delete the part that was read of tables that failed.

        A part must not be loaded: its newest row would move the watermark past rows that were not read. The schema
        forgets the table's new columns too, because dlt creates no columns of a table without files.

        Raises:
            Exception: no table could be read. This is the first error.
        """
        known = self._tables_of(source.schema.name)
        load_id: str = super()._extract_source(extract, source, *arguments, **options)
        if self.failed and self.failed.keys() >= source.selected_resources.keys():
            raise next(iter(self.failed.values()))
        for name in self.failed:
            _delete_jobs(extract.extract_storage.new_packages, name)
            source.schema.tables.pop(name, None)
            source.schema.tables.update({name: known[name]} if name in known else {})
        return load_id

    def normalize(self, *arguments: Any, **options: Any) -> "NormalizeInfo":
        """Normalize the tables that were read."""
        step = partial(super().normalize, *arguments, **options)
        return self._tolerating(step, lambda: self._get_normalize_storage().extracted_packages)

    def load(self, *arguments: Any, **options: Any) -> "LoadInfo":
        """Copy and merge the tables. Copied files and finished merges are not repeated."""
        step = partial(super().load, *arguments, **options)
        return self._tolerating(step, lambda: self._get_load_storage().normalized_packages)

    def _tolerating(self, step: Callable[[], Info], packages: Callable[[], PackageStorage]) -> Info:
        """Run a step until it succeeds, and leave out one more table after each error.

        Locks are waited for here, as often as `POSTGRES_RETRIES` allows: a retry of the sync would read again.
        """
        while True:
            try:
                return retried(self.settings, step, self.warn, is_locked)
            except PipelineStepFailed as error:
                name = table_at_fault(error)
                if name is None or concerns_every_table(error) or not _delete_jobs(packages(), name):
                    raise
                self.failed[name] = self._explained(error)

    def _explained(self, error: Exception) -> Exception:
        """Name the sessions that hold locks if the error is about one."""
        if not is_locked(error):
            return error
        with connect(self.settings, autocommit=True) as database:
            return table_locked(database, [str(self.dataset_name), STAGING.format(self.dataset_name)])

    def _tables_of(self, schema: str) -> Mapping[str, "TTableSchema"]:
        return dict(self.schemas[schema].tables) if schema in self.schemas else {}


def _delete_jobs(packages: PackageStorage, table: str) -> int:
    """Delete a table's pending files from all packages; return their number."""
    deleted = 0
    for load_id in packages.list_packages():
        for path in packages.list_new_jobs(load_id):
            if ParsedLoadJobFileName.parse(path).table_name == table:
                packages.storage.delete(path)
                deleted += 1
    return deleted
