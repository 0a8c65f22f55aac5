"""The freshness policy of every asset: that a sync looked at it, as one does each day although nothing changed.

Whether its data are behind the source is what the check `published_is_fresh` measures; a quiet weekend is not stale.
"""

from datetime import timedelta

from dagster import FreshnessPolicy

from coaching_assets.settings import Settings


def seen_daily(settings: Settings) -> FreshnessPolicy:
    """A warning an hour after a sync should have looked, a failure another hour later."""
    longest = settings.longest_without_sync
    return FreshnessPolicy.time_window(
        warn_window=longest + timedelta(hours=1), fail_window=longest + timedelta(hours=2)
    )
