"""The checks of `coaching doctor`, in the order in which they run."""

from collections.abc import Callable, Iterator

from coaching_assets.alerts.send import recipients
from coaching_assets.doctor.bigquery_checks import check_bigquery
from coaching_assets.doctor.cost_checks import check_cost
from coaching_assets.doctor.finding import Finding
from coaching_assets.doctor.postgres_checks import check_postgres
from coaching_assets.errors import CoachingError
from coaching_assets.settings import SettingError, Settings

__all__ = ["Finding", "run_checks"]


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Run all checks, one after the other. A server that cannot be reached is one finding."""
    yield from _guarded("BigQuery", lambda: check_bigquery(settings))
    yield from _guarded("Postgres", lambda: check_postgres(settings))
    yield from _guarded("Cost of BigQuery", lambda: check_cost(settings))
    yield from _check_alerts(settings)


def _guarded(message: str, checks: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from checks()
    except CoachingError as error:
        yield Finding("failed", message, str(error))


def _check_alerts(settings: Settings) -> Iterator[Finding]:
    if not settings.alert_urls:
        yield Finding("warning", "Nobody is alerted when something fails", "Set ALERT_URLS; see docs/alerts.md.")
    for recipient in recipients(settings):
        if isinstance(recipient, SettingError):
            yield Finding("failed", "Alerts", str(recipient))
        else:
            yield Finding("ok", f"Alerts go to {recipient}; run `coaching alert-test` to send a test message")
