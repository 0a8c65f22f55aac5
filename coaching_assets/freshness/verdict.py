"""The names of the freshness checks, and the result of evaluating one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import SourceTable
from coaching_assets.publish.published_table import PublishedTable

PUBLISHED_IS_FRESH = "published_is_fresh"
SOURCE_IS_FRESH = "source_is_fresh"
LAST_SYNC_SUCCEEDED = "last_sync_succeeded"
WITHIN_DAILY_LIMIT = "within_daily_limit"

WITNESSES = tuple(
    table for table in SOURCE_TABLES if {"gong": "call", "salesforce": "opportunity"}[table.source] == table.name
)
"""One table per dataset: its external asset carries the check `source_is_fresh` for the whole dataset. The first one
carries `within_daily_limit` too, which is about all tables."""


@dataclass(frozen=True)
class Verdict:
    """The result of one check on one table."""

    check: str
    table: SourceTable | PublishedTable
    passed: bool
    description: str
    severity: Literal["warning", "error"] = "warning"
    metadata: Mapping[str, str | int | float] = field(default_factory=dict)
