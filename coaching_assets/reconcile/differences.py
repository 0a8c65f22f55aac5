"""The result of comparing one replica table with BigQuery."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from coaching_assets.catalogue import SourceTable
from coaching_assets.reconcile.slices import Part

Kind = Literal["missing", "extra", "different"]
KINDS: tuple[Kind, ...] = ("missing", "extra", "different")
MAXIMUM_NAMES = 5
MAXIMUM_EXAMPLES = 10
State = Literal["compared", "not at the source", "not loaded", "not comparable", "postponed", "failed"]


@dataclass(frozen=True)
class Proof:
    """What was proven of a table that is compared by slices.

    Attributes:
        total: all slices.
        proven: slices that were equal to BigQuery when they were last compared.
        oldest: when the slice was proven that was not proven longest; None if none is.
        oversized: slices that bill too many bytes to be compared.
        overdue: slices that were not proven for more than `days`.
        limit: BIGQUERY_MAXIMUM_BYTES_BILLED.
        days: RECONCILE_SLICE_DAYS.
    """

    total: int
    proven: int
    oldest: datetime | None
    oversized: tuple[str, ...]
    overdue: int
    limit: int
    days: float

    @property
    def sentence(self) -> str:
        """The result in a few sentences."""
        oldest = f", the oldest on {self.oldest:%Y-%m-%d}" if self.oldest is not None else ""
        sentences = [
            "Compared by slices, because one query of the table would exceed BIGQUERY_MAXIMUM_BYTES_BILLED"
            f" ({self.limit:,} bytes). Proven: {self.proven} of {self.total} slices{oldest}."
        ]
        if self.oversized:
            names = ", ".join(self.oversized[:MAXIMUM_NAMES]) + (" …" if len(self.oversized) > MAXIMUM_NAMES else "")
            sentences.append(f"Not compared, because they exceed the limit alone: {names}.")
        if self.overdue:
            sentences.append(
                f"{self.overdue} slices were not proven within RECONCILE_SLICE_DAYS ({self.days:g}). Raise"
                " BIGQUERY_MAXIMUM_BYTES_BILLED, or run `coaching reconcile` more often."
            )
        return " ".join(sentences)


@dataclass
class Comparison:
    """The result for one table of the replica, in rows.

    Attributes:
        state: "postponed" if the daily limit of bytes does not allow the comparison.
        as_of: time of the query in BigQuery.
        pending: rows that the next sync reads, because they are new at the source.
        withheld: rows that are missing or redacted because of an erasure.
        rejected: rows that the replica lacks, or their newest version, because Postgres rejects them.
        rows: missing rows are in BigQuery only, extra rows in the replica only.
        examples: up to 10 keys per kind.
        obsolete_rejections: keys in `rejected_rows` of rejected rows that BigQuery no longer has.
        extra_rows: hash of the key and digest of each extra row.
        lacking_rows: salted hashes of the missing, different and withheld rows.
        lacking_seconds: the seconds of `_fivetran_synced`, since 1970, of the missing and different rows; None if one
            of them has no such time, or if none was compared.
        left_out: source columns that are not compared.
        hidden: why BigQuery may hide rows from the account, and what to grant; None if it hides none. Rows that only
            the replica has then count as `not_shown`, because nothing says that they are gone.
        parts: the parts that were compared; none if the whole table was compared.
        unplaced: rows that BigQuery lacks in the compared partitions, but may have in another one.
        proof: what was proven so far; None if the whole table was compared.
    """

    table: SourceTable
    schema: str
    state: State
    reason: str | None = None
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    equal: int = 0
    pending: int = 0
    withheld: int = 0
    rejected: int = 0
    rows: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    examples: dict[Kind, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    obsolete_rejections: list[str] = field(default_factory=list)
    extra_rows: list[tuple[str, str]] = field(default_factory=list)
    lacking_rows: list[bytes] = field(default_factory=list)
    lacking_seconds: list[int] | None = None
    left_out: tuple[str, ...] = ()
    hidden: str | None = None
    not_shown: int = 0
    parts: tuple[Part, ...] = ()
    unplaced: int = 0
    proof: Proof | None = None

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table.name}"

    @property
    def is_equal(self) -> bool:
        """Whether the replica holds BigQuery's rows; also true for a table that is not at the source."""
        if self.proof is not None and self.proof.overdue:
            return False
        return self.state == "not at the source" or (self.state == "compared" and not any(self.rows.values()))

    @property
    def is_slice_proven(self) -> bool:
        """Whether the compared parts are equal, and no row of them may be in another part."""
        return self.state == "compared" and not any(self.rows.values()) and not (self.unplaced or self.hidden)

    @property
    def restriction(self) -> str:
        """Sentences on the columns that were not compared and on rejected rows; empty if there are none."""
        sentences = [f"Not compared: {', '.join(self.left_out)}."] if self.left_out else []
        if self.proof is not None:
            sentences.append(self.proof.sentence)
        if self.unplaced:
            sentences.append(
                f"BigQuery lacks {self.unplaced} rows of the replica in these partitions. They stay, because they may"
                " be in another one. The slice `keys` shows which rows are gone."
            )
        if self.rejected:
            sentences.append(
                f"The replica lacks {self.rejected} rows, or their newest version, because Postgres rejects them."
                f" `coaching rejected --table {self.name}` lists them with the reasons."
            )
        if self.hidden:
            stay = f" {self.not_shown} rows that only the replica has stay." if self.not_shown else ""
            sentences.append(f"{self.hidden}{stay}")
        return " ".join(sentences)

    def hide(self, reason: str) -> None:
        """Take rows that BigQuery does not show for hidden, not for deleted."""
        self.hidden, self.not_shown = reason, self.rows["extra"]
        self.rows["extra"], self.examples["extra"] = 0, []
        self.extra_rows, self.obsolete_rejections = [], []

    def withhold(self) -> None:
        """Count missing and different rows as withheld.

        Right after a full reload, only an erasure can keep rows out.
        """
        self.withheld += self.rows["missing"] + self.rows["different"]
        for kind in ("missing", "different"):
            self.rows[kind], self.examples[kind] = 0, []

    @property
    def is_proven(self) -> bool:
        """Whether the replica has every row of BigQuery as it is: BigQuery lacks a row that the replica lacks.

        Nothing proves this of a table with hidden rows.
        """
        if self.hidden:
            return False
        unseen = self.rows["missing"] + self.rows["different"] + self.pending + self.rejected
        is_whole = not self.parts and self.proof is None
        return self.state == "not at the source" or (self.state == "compared" and unseen == 0 and is_whole)

    @property
    def extra_share(self) -> float:
        """The share of the extra rows in the replica's compared rows, 0 to 1."""
        extra = self.rows["extra"]
        return extra / max(self.equal + extra + self.rows["different"], 1)


def joined(results: Sequence[Comparison], proof: Proof) -> Comparison:
    """Join the comparisons of parts of one table into one."""
    first = results[0]
    whole = Comparison(first.table, first.schema, first.state, first.reason, left_out=first.left_out, proof=proof)
    by_rows = [result for result in results if not all(part.has_all_keys for part in result.parts)]
    by_keys = [result.equal for result in results if result not in by_rows]
    whole.equal = max(sum(result.equal for result in by_rows), min(by_keys, default=0))
    extra: dict[str, str] = {}
    for result in results:
        whole.parts += result.parts
        whole.pending = whole.pending + result.pending if by_rows else max(whole.pending, result.pending)
        whole.withheld += result.withheld
        whole.rejected = max(whole.rejected, result.rejected)
        whole.unplaced += result.unplaced
        whole.hidden = whole.hidden or result.hidden
        whole.not_shown = max(whole.not_shown, result.not_shown)
        whole.obsolete_rejections += result.obsolete_rejections
        whole.lacking_rows += result.lacking_rows
        extra |= dict(result.extra_rows)
        for kind in KINDS:
            whole.rows[kind] += result.rows[kind]
            whole.examples[kind] = [*whole.examples[kind], *result.examples[kind]][:MAXIMUM_EXAMPLES]
    whole.extra_rows = sorted(extra.items())
    whole.rows["extra"] = max(result.rows["extra"] for result in results)
    lacking = [result for result in results if result.rows["missing"] or result.rows["different"]]
    seconds = [result.lacking_seconds for result in lacking]
    if seconds and all(seconds):
        whole.lacking_seconds = sorted({second for some in seconds for second in some or ()})
    return whole
