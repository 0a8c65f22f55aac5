"""The code blocks of docs/add-a-table.md, applied to a copy of the package, add a table that follows its source."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import coaching_assets
from coaching_assets.demo.sample import SampleTable, generate
from coaching_assets.demo.sample.loading import load_table
from coaching_assets.demo.sample.schema import Field
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets_tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

PACKAGE = Path(coaching_assets.__file__).parent
PAGE = PACKAGE.parent / "docs" / "add-a-table.md"
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
MIGRATION, ERROR = "The application's migration", "The error without gong_call_tracker in sources"
DATA = "coaching_assets/publish/tables/call_trackers/__init__.py"
COLUMNS = (
    "call_id STRING, id STRING, name STRING, type STRING, count INT64,"
    " _fivetran_synced TIMESTAMP, _fivetran_deleted BOOL"
)


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    return dict(BLOCK.findall(PAGE.read_text()))


@pytest.fixture
def copy(blocks: dict[str, str], tmp_path: Path) -> Path:
    """A folder with a copy of the package to which the page's blocks are applied."""
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for title, text in blocks.items():
        if not title.startswith(PACKAGE.name):
            continue
        file = tmp_path / title
        if file.exists():
            entries = file.read_text().rstrip().removesuffix(")")
            file.write_text(f"{entries}{text},\n)\n")
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    return tmp_path


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def sync(folder: Path) -> None:
    """Sync with the copy of the package."""
    done = run(
        folder,
        f"import coaching_assets; assert coaching_assets.__file__.startswith({str(folder)!r})\n"
        "from coaching_assets.cli.app import main\nimport sys; sys.argv = ['coaching', 'sync']; main()",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def load_trackers(deployment: Deployment, rows: Iterable[dict[str, Any]]) -> None:
    fields = tuple(Field(*column.split(" ")) for column in COLUMNS.split(", "))
    stamp = {"_fivetran_synced": datetime.now(UTC), "_fivetran_deleted": False}
    table = SampleTable(fields, to_arrow([stamp | row for row in rows], fields))
    load_table(deployment.client, f"{deployment.name}.gongio_ft.call_tracker", table)


def test_the_page_adds_a_table_that_follows_its_source(
    deployment: Deployment, blocks: dict[str, str], copy: Path
) -> None:
    sample = generate(0.01)
    deployment.load(sample, tables=["call"])
    call = next(row["id"] for row in sample.rows("gong", "call") if not row["_fivetran_deleted"])
    tracker = {"call_id": call, "id": "1", "name": "Pricing", "type": "KEYWORD", "count": 3}
    gone = {"call_id": call, "id": "2", "name": "Competitors", "type": "SMART", "count": 1}
    orphan = {"call_id": "no such call", "id": "1", "name": "Pricing", "type": "KEYWORD", "count": 1}
    load_trackers(deployment, [tracker, gone, orphan])
    deployment.query(blocks[MIGRATION])

    sync(copy)
    published = (
        "select gong_call_id, name, tracker_type, occurrences"
        " from call_trackers join calls on calls.id = call_id order by name"
    )
    first, second = (call, "Competitors", "SMART", 1), (call, "Pricing", "KEYWORD", 3)
    assert deployment.query(published) == [first, second]
    waiting = "select aggregate_key from coaching_sync.waiting_rows where published_table = 'call_trackers'"
    assert deployment.query(waiting) == [("no such call",)]
    assert deployment.query("select last_sync_status from sync_status where entity_type = 'call_trackers'") == [
        ("success",)
    ]

    load_trackers(deployment, [tracker | {"count": 4}, gone | {"_fivetran_deleted": True}, orphan])
    sync(copy)
    assert deployment.query(published) == [(call, "Pricing", "KEYWORD", 4)]


def test_a_source_that_is_not_declared_fails_when_the_definitions_load(copy: Path, blocks: dict[str, str]) -> None:
    data = copy / DATA
    text = data.read_text()
    assert '"gong_call_tracker": "call_id", ' in text
    data.write_text(text.replace('"gong_call_tracker": "call_id", ', ""))
    done = run(copy, "import coaching_assets.definitions")
    assert done.returncode != 0
    assert blocks[ERROR].strip() in done.stderr
