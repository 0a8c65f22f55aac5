"""The result of comparing one replica table with BigQuery."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from coaching_assets.catalogue import SourceTable

Kind = Literal["missing", "extra", "different"]
KINDS: tuple[Kind, ...] = ("missing", "extra", "different")
State = Literal["compared", "not at the source", "not loaded", "not comparable", "postponed", "failed"]


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

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table.name}"

    @property
    def is_equal(self) -> bool:
        """Whether the replica holds BigQuery's rows; also true for a table that is not at the source."""
        return self.state == "not at the source" or (self.state == "compared" and not any(self.rows.values()))

    @property
    def restriction(self) -> str:
        """Sentences on the columns that were not compared and on rejected rows; empty if there are none."""
        sentences = [f"Not compared: {', '.join(self.left_out)}."] if self.left_out else []
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
        return self.state == "not at the source" or (self.state == "compared" and unseen == 0)

    @property
    def extra_share(self) -> float:
        """The share of the extra rows in the replica's compared rows, 0 to 1."""
        extra = self.rows["extra"]
        return extra / max(self.equal + extra + self.rows["different"], 1)
