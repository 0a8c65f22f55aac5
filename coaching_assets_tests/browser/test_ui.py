"""Dagster's UI as a person uses it, in a real browser; the README's pictures are taken on the way.

`UPDATE_PICTURES=1` takes them into `docs/`, of the whole sample after some hours of changes.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from coaching_assets_tests.support.dagster_deployment import REPOSITORY, UPDATE_PICTURES, DagsterDeployment

pytestmark = pytest.mark.slow

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", "--no-first-run"),
]
SECONDS_TO_APPEAR = 120
WIDTH = 1450

PUBLISHED = ("call_opportunities", "calls", "emails", "opportunities", "speakers", "transcripts")
GROUPS = ("source_gong", "source_salesforce", "replica_gong_calls", "replica_gong_emails", "replica_salesforce")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        sentence = "No Chromium is installed: `make browser` installs it, or says how."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, dagster: DagsterDeployment) -> Iterator[Page]:
    """A page of a person who was never here, in UTC."""
    context = chromium.new_context(
        base_url=dagster.address, viewport={"width": WIDTH, "height": 900}, timezone_id="UTC", locale="en-GB"
    )
    context.set_default_timeout(1000 * SECONDS_TO_APPEAR)
    expect.set_options(timeout=1000 * SECONDS_TO_APPEAR)
    yield context.new_page()
    context.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: to the README's, or to where nobody looks."""
    return REPOSITORY / "docs" if UPDATE_PICTURES else tmp_path


def test_calls_are_materialized_by_clicking(page: Page, dagster: DagsterDeployment) -> None:
    dagster.idle()
    run_id = materialize(page, "calls")
    expect(page.get_by_text(re.compile(r"public\.calls: 0 inserted, 0 updated, .* 0 rejected"))).to_be_visible()
    expect(page.get_by_text("Success", exact=True)).to_be_visible()

    run = dagster.succeeded(run_id)
    assert {key.to_user_string() for key in run.asset_selection or ()} == {"coaching/calls"}
    page.goto("/assets/coaching/calls?view=events")
    expect(page.get_by_text(f"Materialized in run {run.run_id[:8]}")).to_be_visible()


def test_a_sync_says_in_its_log_what_it_does(page: Page, dagster: DagsterDeployment, pictures: Path) -> None:
    dagster.idle()
    first = dagster.runs(trigger="changes")[-1]
    page.goto(f"/runs/{first.run_id}")
    page.get_by_role("button", name="Hide navigation").click()
    leave_out_events(page)
    for line in (r"\d+ of \d+ calls published, \d+ per second, 0 remaining", r"public\.transcripts: \d+ inserted"):
        expect(page.get_by_text(re.compile(line)).first).to_be_visible()
    take(page, pictures / "run-log.png", height=1120)


def test_a_failing_check_says_what_is_wrong(page: Page, dagster: DagsterDeployment, pictures: Path) -> None:
    rejected = dagster.installation.query(
        "select count(*) from coaching_sync.rejected_rows where published_table = 'transcripts'"
    )[0][0]
    assert rejected > 5, "above what the settings allow"
    # Of two runs that overtook one another, Dagster takes the checks of one for older than the rows of the other.
    dagster.succeeded(materialize(page, "transcripts"))
    page.goto("/assets/coaching/transcripts")
    page.get_by_role("tab", name="Checks").click()
    page.get_by_text("rows_publishable").first.click()
    page.get_by_role("button", name="Hide navigation").click()
    expect(page.get_by_text(f"{rejected} rows cannot be published")).to_be_visible()
    expect(page.get_by_text("coaching rejected --table transcripts")).to_be_visible()
    expect(page.get_by_role("row", name=f"rows_rejected {rejected}")).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    take(page, pictures / "failing-check.png", height=1000)


def test_the_schedule_and_the_sensors_are_on(page: Page, dagster: DagsterDeployment) -> None:
    dagster.idle()
    page.goto("/automation")
    for name in ("hourly_coaching_sync", "daily_reconciliation", "bigquery_changes", "freshness"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_role("link", name="hourly_coaching_sync").click()
    expect(page.get_by_text("Every hour")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="bigquery_changes").click()
    expect(page.get_by_text("Asks BigQuery for modification times, without a query")).to_be_visible()
    page.get_by_role("button", name="0 runs requested").first.click()
    expect(page.get_by_text(re.compile(r"Nothing changed in BigQuery since the last (load|tick)"))).to_be_visible()


def test_numbers_are_plotted_over_time(page: Page, dagster: DagsterDeployment, pictures: Path) -> None:
    page.goto("/assets/coaching/calls")
    page.get_by_role("button", name="Hide navigation").click()
    page.get_by_role("button", name="Plots").click()
    for section in ("Description", "Columns"):
        page.get_by_role("button").filter(has_text=re.compile(f"^{section}$")).click()
    for number in ("dagster/row_count", "rows_inserted", "source_lag_seconds"):
        expect(page.get_by_text(number, exact=True).first).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    take(page, pictures / "plots.png", height=1300)


def test_the_graph_shows_the_way_of_the_data(page: Page, dagster: DagsterDeployment, pictures: Path) -> None:
    page.set_viewport_size({"width": WIDTH, "height": 1300})
    page.goto("/asset-groups?expanded=global%40global%3Acoaching")
    page.get_by_role("button", name="Hide navigation").click()
    page.reload()  # the graph finds its place only once
    page.get_by_role("button", name="panel_show_right", exact=True).click()
    page.get_by_placeholder("Jump to…").wait_for(state="hidden")
    for name in (*GROUPS, *PUBLISHED):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("Materialized", exact=True)).to_have_count(len(PUBLISHED))
    expect(page.get_by_text("fetching statuses")).to_have_count(0)
    take(page, pictures / "asset-graph.png", height=1300)


def materialize(page: Page, table: str) -> str:
    """Ask for one table, and open the log of the run."""
    page.goto(f"/assets/coaching/{table}")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Launched run").wait_for()
    page.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url("**/runs/*")
    leave_out_events(page)
    return page.url.split("/")[-1].split("?")[0]


def leave_out_events(page: Page) -> None:
    """Leave only what the steps say in a run's log."""
    page.get_by_role("button", name="Levels").click()
    page.get_by_role("menuitem").filter(has_text="event").click()
    page.keyboard.press("Escape")
    page.get_by_role("menuitem").first.wait_for(state="hidden")


def take(page: Page, picture: Path, height: int) -> None:
    """Take a picture once nothing moves any more."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.mouse.move(0, 0)
    before = b""
    while before != (before := page.screenshot()):
        page.wait_for_load_state("networkidle")
    picture.write_bytes(before)
