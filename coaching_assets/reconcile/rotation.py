"""Compares a table that exceeds BIGQUERY_MAXIMUM_BYTES_BILLED by slices, beginning where the last run ended."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from coaching_assets.bigquery.errors import LimitExceeded
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types
from coaching_assets.reconcile.canonical import canonical
from coaching_assets.reconcile.comparison import compare, source_statement
from coaching_assets.reconcile.differences import Comparison, Proof, joined
from coaching_assets.reconcile.slices import WHOLE, Part, Slicing, slicing_for
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

MAXIMUM_OVERSIZED = 20
"""Slices that are tried, by free dry runs, before a table counts as too large for the limit."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    """What `coaching_sync.compared_slices` says about a slice."""

    since: datetime
    compared_at: datetime | None
    proven_at: datetime | None
    bytes: int | None
    is_overdue: bool


def compare_within_limit(
    bigquery: "BigQuery",
    database: Connection,
    settings: Settings,
    table: SourceTable,
    description: TableDescription,
    *,
    keep_lacking: bool = False,
    parts: Sequence[Part] = (),
) -> Comparison:
    """Compare a table, by slices if one query of it would bill too many bytes.

    The queries of one table for the slices bill at most BIGQUERY_MAXIMUM_BYTES_BILLED together. A slice that differs
    costs a second query.

    Args:
        bigquery: the source.
        database: a connection outside a transaction; the slices are recorded through it.
        settings: the limit, the replica's schemas and the overlap.
        table: the source table.
        description: its current columns in BigQuery.
        keep_lacking: as in `compare`.
        parts: the parts to compare again after a repair; empty to choose them.

    Raises:
        SourceError: BigQuery did not answer.
    """
    part_of = partial(compare, bigquery, database, settings, table, description, keep_lacking=keep_lacking)
    if not parts:
        try:
            return part_of()
        except LimitExceeded as error:
            limit, reason = settings.bigquery_maximum_bytes_billed, error
    ensure_schema(database)
    database.commit()
    rotation = _Rotation(bigquery, database, settings, table, description)
    if not parts and reason.is_daily and rotation.estimate(WHOLE) <= limit:
        raise reason  # another day's allowance is enough for the whole table
    return rotation.run(lambda part: part_of(part=part), parts)


@dataclass
class _Rotation:
    """The comparison of one table by slices."""

    bigquery: "BigQuery"
    database: Connection
    settings: Settings
    table: SourceTable
    description: TableDescription
    slicing: Slicing = field(init=False)
    oversized: dict[str, int] = field(default_factory=dict)
    """The bytes that a slice alone would bill, of those that exceed the limit."""

    def __post_init__(self) -> None:
        self.schema = self.settings.schemas[self.table.source]
        self.types = column_types(self.database, self.schema, self.table.name)
        compared = canonical(self.table, self.description, self.types).compared
        self.slicing = slicing_for(self.database, self.schema, self.description, self.types, compared)
        self.database.rollback()

    def run(self, compare_part: Callable[[Part], Comparison], parts: Sequence[Part]) -> Comparison:
        """Compare the given parts, or choose them, and record the result."""
        results: list[Comparison] = []
        try:
            for part in parts or self._chosen():
                results.append(compare_part(part))
        except LimitExceeded:
            if parts or not results:
                raise
        self._record(results)
        proof = self._proof()
        if not results and not self.oversized:
            reason = f"{self.description} is not compared: BIGQUERY_DAILY_BYTES leaves too little today."
            return Comparison(self.table, self.schema, "postponed", reason, proof=proof)
        if not results:
            return Comparison(self.table, self.schema, "failed", self._nothing_fits(), proof=proof)
        return joined(results, proof)

    def _chosen(self) -> Iterator[Part]:
        """Choose parts while the limit allows, those first that were compared longest ago."""
        names, limit = self._by_age(), self.settings.bigquery_maximum_bytes_billed
        allowance = self.bigquery.meter.allowance
        left = limit if allowance is None else min(limit, allowance)
        while names and len(self.oversized) < MAXIMUM_OVERSIZED:
            joinable = self.slicing.joinable(names)
            count, size = self._fitting(joinable, left)
            if count:
                part = self.slicing.part(joinable[:count])
                left -= size
                names = [name for name in names if name not in part.slices]
                yield part
            elif size > limit:
                self.oversized[names.pop(0)] = size
            else:
                return  # these slices are the first ones next time, with the limit to themselves

    def _fitting(self, names: Sequence[str], left: int) -> tuple[int, int]:
        """Find the largest number of the first slices that bill at most `left` bytes together, and their bytes.

        Returns:
            0 and the bytes of the first slice if it does not fit.
        """
        alone = self.estimate(self.slicing.part(names[:1]))
        if alone > left:
            return 0, alone
        fitting, size, too_many = 1, alone, len(names) + 1
        while too_many - fitting > 1:
            middle = min(fitting * 2, (fitting + too_many) // 2)
            estimate = self.estimate(self.slicing.part(names[:middle]))
            if estimate <= left:
                fitting, size = middle, estimate
            else:
                too_many = middle
        return fitting, size

    def estimate(self, part: Part) -> int:
        """The bytes that the comparison of a part bills."""
        expressions = canonical(self.table, self.description, self.types, part.columns)
        statement = source_statement("source_buckets.sql", self.description, expressions, part)
        return self.bigquery.estimate(self.description, statement, {"watermark": ("INT64", None)})

    def _by_age(self) -> list[str]:
        """All slices. Those that exceed the limit alone come last, so that they do not keep the others waiting."""
        recorded, limit = self._recorded(), self.settings.bigquery_maximum_bytes_billed

        def age(name: str) -> tuple[bool, datetime, datetime]:
            found = recorded.get(name)
            if found is None:
                return False, NEVER, NEVER
            return (found.bytes or 0) > limit, found.compared_at or NEVER, found.since

        return sorted(self.slicing.names, key=age)

    def _recorded(self) -> dict[str, Recorded]:
        parameters = {"schema": self.schema, "table": self.table.name, "age": self.settings.reconcile_slice_days}
        with self.database.cursor() as cursor:
            cursor.execute(read_sql(__package__, "recorded_slices.sql"), parameters)
            rows = {name: Recorded(*row) for name, *row in cursor.fetchall()}
        self.database.rollback()
        return {name: rows[name] for name in self.slicing.names if name in rows}

    def _record(self, results: Sequence[Comparison]) -> None:
        compared: dict[str, tuple[bool, int | None, int | None]] = {
            name: (result.is_slice_proven, result.equal, None)
            for result in results
            for part in result.parts
            for name in part.slices
        }
        compared |= {name: (False, None, size) for name, size in self.oversized.items()}
        proven, rows, sizes = zip(*compared.values(), strict=True) if compared else ((), (), ())
        parameters = {
            "schema": self.schema,
            "table": self.table.name,
            "slices": list(self.slicing.names),
            "compared": list(compared),
            "proven": list(proven),
            "rows": list(rows),
            "bytes": list(sizes),
        }
        with self.database.cursor() as cursor:
            cursor.execute(read_sql(__package__, "record_slices.sql"), parameters)
        self.database.commit()

    def _proof(self) -> Proof:
        recorded = self._recorded()
        proven = [found.proven_at for found in recorded.values() if found.proven_at is not None]
        limit = self.settings.bigquery_maximum_bytes_billed
        return Proof(
            total=len(recorded),
            proven=len(proven),
            oldest=min(proven, default=None),
            oversized=tuple(name for name, found in recorded.items() if (found.bytes or 0) > limit),
            overdue=sum(found.is_overdue for found in recorded.values()),
            limit=limit,
            days=self.settings.reconcile_slice_days,
        )

    def _nothing_fits(self) -> str:
        needed = f", but {min(self.oversized.values()):,} bytes are needed" if self.oversized else ""
        return (
            f"{self.description} is not compared: not even one slice of it fits into BIGQUERY_MAXIMUM_BYTES_BILLED"
            f" ({self.settings.bigquery_maximum_bytes_billed:,} bytes){needed}. Raise the limit."
        )
