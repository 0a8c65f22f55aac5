"""What can go wrong while the replica is loaded, apart from what the source says."""

from collections.abc import Mapping

from coaching_assets.catalogue import SourceTable
from coaching_assets.errors import CoachingError


class NotLoaded(CoachingError):
    """Tables could not be loaded; the message names them and says why."""

    def __init__(self, failures: Mapping[SourceTable, str]) -> None:
        """Of each table, why."""
        super().__init__(
            " ".join(f"{table.source}.{table.name} could not be loaded: {why}" for table, why in failures.items())
        )
