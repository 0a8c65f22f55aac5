"""The freshness policy of every asset: a sync materializes it at least once a day, even without changes.

The check `published_is_fresh` measures whether its data are behind the source: a quiet weekend is not stale.
"""

from datetime import timedelta

from dagster import FreshnessPolicy

from coaching_assets.settings import Settings


def seen_daily(settings: Settings) -> FreshnessPolicy:
    """Warn one hour after LONGEST_HOURS_WITHOUT_SYNC, fail after another hour."""
    longest = settings.longest_without_sync
    return FreshnessPolicy.time_window(
        warn_window=longest + timedelta(hours=1), fail_window=longest + timedelta(hours=2)
    )
