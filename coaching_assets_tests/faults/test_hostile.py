"""Names that are SQL, texts of any length and depth: handled or refused in a sentence, in bounded memory."""

from pathlib import Path

import psutil
import pytest
from psycopg2 import sql

from coaching_assets.demo.sample import generate
from coaching_assets.publish.application import create_application_tables
from coaching_assets_tests.faults.ledger import Trial
from coaching_assets_tests.faults.read_api import ReadApi
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import found_differences
from coaching_assets_tests.support.processes import Command

CALL, TRANSCRIPT = ("gong", "call"), ("gong", "transcript")
MEGABYTE = 1024**2
MOST_MEMORY = 1500 * MEGABYTE
MANY_MONOLOGUES = 200_000
DEPTH = 500

HOSTILE = 'x"; drop table calls cascade; --'
COLUMNS = (
    "select",
    "Größe in m²",
    "semi;colon",
    "it's",
    "l" * 300,
    "l" * 299 + "m",
    "x'; drop table calls cascade; --",
)
"""BigQuery allows no quotation mark, and the emulator none either."""


def peak_memory(command: Command) -> int:
    """The most memory that a command's process held at any look, in bytes, when it has ended."""
    process, most = psutil.Process(command.process.pid), 0
    while command.process.exitcode is None:
        try:
            most = max(most, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        command.process.join(0.02)
    return most


@pytest.mark.breaks("hostile column names")
@pytest.mark.slow
def test_columns_of_any_name_are_carried_over(scene: Scene, reading: ReadApi) -> None:
    reading.all_columns = True
    for number, name in enumerate(COLUMNS):
        scene.source.add_column(CALL, name, "STRING", f"value {number}")
    scene.world.load(scene.source)
    scene.source.note_seen()
    scene.assert_healed()
    row = scene.world.query(
        "select to_jsonb(call) from gongio_ft.call as call where to_jsonb(call)::text like '%value 0%'"
    )
    assert {f"value {number}" for number in range(len(COLUMNS))} <= set(map(str, row[0][0].values()))


@pytest.mark.breaks("hostile names of datasets and schemas")
@pytest.mark.slow
def test_a_schema_of_any_name_is_published_to(
    deployment: Deployment, trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    schema = 'Büro; "app" '
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    monkeypatch.setenv("COACHING_SCHEMA", schema)
    create_application_tables(deployment.settings)
    sample = generate(0.02)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    found = found_differences(deployment, sample, tmp_path, schema=schema)
    trial.judge(found)
    assert found == []


@pytest.mark.breaks("hostile names of datasets and schemas")
@pytest.mark.slow
@pytest.mark.parametrize("name", [HOSTILE, "d" * 300, "sel`ect"])
def test_a_dataset_that_cannot_be_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    command = scene.start("sync", GONG_DATASET=name)
    assert command.wait() != 0
    assert "Traceback" not in command.printed()
    assert "gongio_ft" not in command.printed()
    scene.assert_healed()


@pytest.mark.breaks("a cell of 50 MB, JSON of depth 500")
@pytest.mark.slow
def test_texts_of_any_length_and_depth(scene: Scene) -> None:
    call = next(row["id"] for row in scene.source.rows(CALL) if not row["_fivetran_deleted"])
    words = " ".join(f"{number:x}" for number in range(8 * MEGABYTE))
    deep = "[" * DEPTH + "]" * DEPTH
    said = f'[{{"start": 1, "end": 2, "text": "deep", "more": {deep}}}]'
    assert len(words) > 50 * MEGABYTE
    for index, text in (
        ("7001", words),
        ("7002", said),
        ("7003", "x" * 50 * MEGABYTE),
        ("7004", deep),
    ):
        scene.source.append(TRANSCRIPT, {"call_id": call, "index": index, "workspace_id": "1", "sentence": text})
    scene.source.note_seen()
    scene.world.load(scene.source)
    command = scene.start("sync")
    memory = peak_memory(command)
    assert command.wait() == 0, command.printed()
    print(f"at most {memory / MEGABYTE:.0f} MB")
    assert memory < MOST_MEMORY
    rejected = dict(
        scene.world.query(
            "select (key ->> 'index')::int, reason from coaching_sync.rejected_rows where key ->> 'index' like '700_'"
        )
    )
    assert rejected == {7001: "sentence is too long for full-text search", 7004: "sentence has no text"}
    kept = scene.world.query(
        "select sequence_number, length(text) from transcripts where sequence_number between 7001 and 7004 order by 1"
    )
    assert kept == [(7002, 4), (7003, 50 * MEGABYTE)]
    before = scene.world.versions()
    scene.sync()
    assert scene.world.versions() == before
    scene.trial.judge([])


@pytest.mark.breaks("a call with 200,000 monologues")
@pytest.mark.slow
def test_a_call_with_very_many_monologues(scene: Scene) -> None:
    call = next(row["id"] for row in scene.source.rows(CALL) if not row["_fivetran_deleted"])
    stamp = scene.source.stamp(TRANSCRIPT, 0)
    scene.source.extend(
        TRANSCRIPT,
        [
            {
                "call_id": call,
                "index": str(1000 + number),
                "workspace_id": "1",
                "sentence": f'[{{"start": {number}, "end": {number + 1}, "text": "We said {number} things."}}]',
                "_fivetran_synced": stamp,
            }
            for number in range(MANY_MONOLOGUES)
        ],
    )
    scene.world.load(scene.source)
    command = scene.start("sync")
    memory = peak_memory(command)
    assert command.wait(600) == 0, command.printed()
    print(f"at most {memory / MEGABYTE:.0f} MB")
    assert memory < MOST_MEMORY
    assert scene.world.query(
        "select count(*) from transcripts where sequence_number >= 1000 and call_id ="
        " (select id from calls where gong_call_id = %s)",
        [call],
    ) == [(MANY_MONOLOGUES,)]
    scene.trial.judge([])
