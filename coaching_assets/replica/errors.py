"""Errors of loading the replica, except those of the source."""

from collections.abc import Mapping

from coaching_assets.catalogue import SourceTable
from coaching_assets.errors import CoachingError


class NotOurs(CoachingError):
    """A schema or table of the replica belongs to somebody else; the message names it and the setting that helps."""


class NotLoaded(CoachingError):
    """Tables could not be loaded; the message gives the reason for each."""

    def __init__(self, failures: Mapping[SourceTable, str]) -> None:
        """Build the message from the reason per table."""
        super().__init__(
            " ".join(f"{table.source}.{table.name} could not be loaded: {why}" for table, why in failures.items())
        )
