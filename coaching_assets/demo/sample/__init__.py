"""Deterministic sample data: half a year of a sales team's calls, e-mails and deals, as Fivetran delivers them.

`generate` creates a `Sample` at any scale. `load` writes it to BigQuery or the emulator. `change_set` returns the
sample one hour later. `Sample.write` writes parquet files, the input of an independent computation.

The sample has every source table. Most rows are clean. `PLANTED` (`oddities.py`) counts the odd rows at scale 1, and
`CHANGED` (`changes.py`) the changes of a change set:

- Calls: in two workspaces, with their transcripts twice; deleted, some of them in one of two workspaces only; without
  `scheduled`; titles with quotes, newlines, umlauts and emoji; `metadata` with an `opportunity_id`.
- People: external participants without a user; participants without a name, or without name and address; participants
  of affiliation `Unknown`, some of them from the company itself; one silent participant per call; speakers without a
  participant.
- Transcripts: plain text instead of JSON; texts with quotes, newlines, emoji and other scripts; unknown speakers; no
  topic; monologues of two calls that never arrive, and of one that arrives in the next change set. Rejected: no
  sentence, a non-numeric index (only with the connector `strings`), truncated JSON (with `typed`: an empty list).
- Links: to accounts, and to opportunities that do not exist.
- E-mails: without sender, recipients, opportunity or date; with invalid dates (with `typed`: null), the same recipient
  in another case, malformed addresses, bodies of several thousand characters; of opportunities that do not exist, one
  of which arrives in the next change set.
- Deals: amounts that are not numbers (with `typed`: NaN), missing, or out of range; without account or owner, or with
  one that has no row. Deals without a name are rejected. Gong has two in three of the deals, and three more.
- Soft-deleted rows in every table. `account` marks them by `is_deleted` only.

With `strings`, times (`started`, `scheduled`, `sent_at`) are RFC 3339 texts with various offsets; `talk_time`, `index`
and `amount` are texts; `sentence` and `metadata` are STRING; `close_date` is a TIMESTAMP. With `typed`, all of these
have their own types. Talk times are never halfway between two seconds. All rows of one hour share one
`_fivetran_synced`. The newest of every table is `LAST_BATCH` before `until`.
"""

from coaching_assets.demo.sample.changes import CHANGED, change_set
from coaching_assets.demo.sample.generator import DEFAULT_UNTIL, generate
from coaching_assets.demo.sample.loading import load, load_table
from coaching_assets.demo.sample.model import Sample, SampleTable
from coaching_assets.demo.sample.oddities import PLANTED
from coaching_assets.demo.sample.people import COMPANY_DOMAIN
from coaching_assets.demo.sample.schema import KEYS, TABLES, Connector, Field, Kind, TableKey

__all__ = [
    "CHANGED",
    "COMPANY_DOMAIN",
    "DEFAULT_UNTIL",
    "KEYS",
    "PLANTED",
    "TABLES",
    "Connector",
    "Field",
    "Kind",
    "Sample",
    "SampleTable",
    "TableKey",
    "change_set",
    "generate",
    "load",
    "load_table",
]
