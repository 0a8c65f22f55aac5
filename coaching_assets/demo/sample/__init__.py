"""Deterministic sample data: half a year of a sales team's calls, e-mails and deals as Fivetran delivers them.

`generate` makes a `Sample` at any scale, `load` puts it into BigQuery or the emulator, `change_set` gives the sample
an hour later, and `Sample.write` writes parquet files, from which an independent computation can start.

Every table of the source is there. Most of it is clean. What is planted, and how many of it at scale 1, is listed in
`PLANTED` (`oddities.py`), what a change set changes in `CHANGED` (`changes.py`). In words:

- Calls: some in two workspaces, with their transcripts twice; some deleted, a few of them in only one of two
  workspaces; some without `scheduled`; titles with quotes, newlines, umlauts and emoji; `metadata` with an
  `opportunity_id`.
- People: outside participants without a user; participants without name, or with neither name nor address; of
  affiliation `Unknown`, a few of them of the company itself; one a call who did not speak; speakers without
  participant.
- Transcripts: plain text instead of JSON; texts with quotes, newlines, emoji, in other scripts; unknown speakers; no
  topic; monologues of two calls that never arrive, and of one that arrives in the next change set. Never to be
  published: no sentence, an index that is no number (only with the connector `strings`), JSON that is cut off (with
  `typed`: an empty list).
- Links: to accounts, and to opportunities that are not there.
- E-mails: without sender, recipients, opportunity, date; with dates that are none (with `typed`: null), the same
  recipient in another case, malformed addresses, bodies of some thousand characters; of opportunities that are not
  there, one of which arrives in the next change set.
- Deals: amounts that are no number (with `typed`: NaN), missing, or out of range; without account or owner, or with
  one that has no row; without name, which cannot be published. Gong knows two in three of them, and three more.
- Soft-deleted rows in every table; `account` says so by `is_deleted` alone.

With `strings`, times (`started`, `scheduled`, `sent_at`) are RFC 3339 texts with various offsets, `talk_time`, `index`
and `amount` are texts, `sentence` and `metadata` are STRING, `close_date` is a TIMESTAMP; with `typed`, all of these
have types of their own. Talk times are never halfway between two seconds. Everything of one hour shares one
`_fivetran_synced`, and the newest of every table is `LAST_BATCH` before `until`.
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
