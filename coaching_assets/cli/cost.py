"""`coaching status --cost`: what BigQuery read and billed today and this month, and what it costs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coaching_assets.cli.terminal import add_figures, console, new_table, print_line

if TYPE_CHECKING:
    from coaching_assets.bigquery.prices import Prices
    from coaching_assets.replica.budget import Budget
    from coaching_assets.replica.usage import Bytes
    from coaching_assets.settings import Settings


def print_cost(settings: "Settings", now: datetime | None = None) -> None:
    """Print one row per table, activity and kind, then the sums of the day and the month (UTC).

    Raises:
        SettingError, CannotConnect: the database cannot be reached.
    """
    from coaching_assets.bigquery.prices import Prices
    from coaching_assets.postgres.connection import connect
    from coaching_assets.replica.budget import read_budget
    from coaching_assets.replica.usage import read_usage

    now = (now or datetime.now(UTC)).astimezone(UTC)
    today = now.date()
    with connect(settings) as database:
        day = read_usage(database, "day", today, today)
        month = read_usage(database, "month", today.replace(day=1), today)
        budget = read_budget(database, settings, now)
    if not month:
        print_line("BigQuery has billed nothing this month (UTC), or no sync has run since the upgrade.")
        return
    _print_table(day, month)
    _print_day(day, budget)
    _print_month(month, Prices.of(settings))


def _print_table(day: Sequence["Bytes"], month: Sequence["Bytes"]) -> None:
    from coaching_assets.replica.budget import readable_bytes

    today = {(entry.table, entry.activity, entry.kind): entry for entry in day}
    table = new_table("BigQuery, this month (UTC)")
    table.padding = (0, 1, 0, 0)
    for column in ("table", "activity", "kind"):
        table.add_column(column, no_wrap=True)
    add_figures(table, "requests", "rows", "read", "billed", "billed today")
    for entry in month:
        same = today.get((entry.table, entry.activity, entry.kind))
        table.add_row(
            entry.table,
            entry.activity,
            entry.kind,
            f"{entry.requests:,}",
            f"{entry.rows:,}",
            readable_bytes(entry.bytes_read),
            readable_bytes(entry.bytes_billed),
            readable_bytes(same.bytes_billed if same else 0),
        )
    console.print(table)


def _print_day(day: Sequence["Bytes"], budget: "Budget") -> None:
    from coaching_assets.replica.budget import readable_bytes
    from coaching_assets.replica.usage import billed

    if budget.sentence:
        print_line(budget.sentence, style="yellow")
    elif budget.limit is None:
        print_line(f"Today: {readable_bytes(billed(day))} billed. BIGQUERY_DAILY_BYTES sets no limit.")
    else:
        share, limit = f"{budget.share:.0%}", readable_bytes(budget.limit)
        print_line(f"Today: {readable_bytes(billed(day))} billed, {share} of BIGQUERY_DAILY_BYTES ({limit}).")


def _print_month(month: Sequence["Bytes"], prices: "Prices") -> None:
    from coaching_assets.replica.budget import readable_bytes

    query_bytes = sum(entry.bytes_billed for entry in month if entry.is_query)
    read_bytes = sum(entry.bytes_billed for entry in month if not entry.is_query)
    listed = prices.list_price(query_bytes=query_bytes, read_bytes=read_bytes)
    free = prices.month(query_bytes=query_bytes, read_bytes=read_bytes)
    print_line(
        f"This month: {readable_bytes(read_bytes)} by reads and {readable_bytes(query_bytes)} by queries,"
        f" ${listed:,.2f} at list prices."
    )
    print_line(f"After the free bytes of a billing account that nothing else uses: ${free:,.2f}.")
