"""The first sync of a database that an earlier importer filled and that the application has used for a year."""

import io
from pathlib import Path

import pytest
from psycopg2.extras import Json

from coaching_assets.demo.sample import Sample, generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import found_differences

CALL_TABLES = ("call", "call_speaker", "call_participant", "transcript", "users")

PEOPLES_TABLES = (
    *("coaching_sessions", "feedback", "manager_reviews", "inbox.notifications", "role_history"),
    *("opportunity_analysis_cache", "opportunities", "call_opportunities", "rep_performance"),
)

APPLICATIONS_COLUMNS = {
    "calls": "id, gong_call_id, product, overall_score, created_at, metadata ->> 'reviewed_by'",
    "speakers": "id, call_id, role, manager_id",
    "transcripts": "id, call_id, sequence_number, sentiment",
}


@pytest.fixture(scope="module")
def sample() -> Sample:
    sample = generate(0.1)
    return sample.without(*(key for key in sample.tables if key[0] == "salesforce" or key[1] not in CALL_TABLES))


def in_use(deployment: Deployment, sample: Sample) -> None:
    """Fill the database as an earlier importer and a year of use would have."""
    live = {row["id"] for row in sample.rows("gong", "call") if not row["_fivetran_deleted"]}
    silent = {row["id"] for row in sample.rows("gong", "call_speaker") if row["_fivetran_deleted"]}
    participants = {
        (row["call_id"], row["speaker_id"]): {
            "call_id": row["call_id"],
            "name": row["name"],
            "email": row["email_address"],
        }
        for row in sample.rows("gong", "call_participant")
        if row["call_id"] in live
        and row["speaker_id"] not in {None, *silent}
        and (row["email_address"] or "").strip()
        and not row["_fivetran_deleted"]
    }
    transcript = [row for row in sample.rows("gong", "transcript") if row["call_id"] in live and row["index"].isdigit()]
    unsound = {
        (row["call_id"], row["index"])
        for row in transcript
        if row["_fivetran_deleted"] or not (row["sentence"] or "").endswith("}]")
    }
    lines = {(row["call_id"], row["index"]) for row in transcript} - unsound
    parameters = {
        "participants": Json(list(participants.values())),
        "lines": Json([{"call_id": call, "index": index} for call, index in sorted(lines)]),
    }
    script = Path(__file__).with_name("application_in_use.sql").read_text(encoding="utf-8")
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(script, parameters)


def dumped(deployment: Deployment, statement: str) -> bytes:
    """The rows as `copy` writes them."""
    file = io.BytesIO()
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.copy_expert(f"copy ({statement}) to stdout", file)
    return file.getvalue()


def peoples_work(deployment: Deployment) -> dict[str, bytes]:
    return {name: dumped(deployment, f"select * from {name} as row order by row::text") for name in PEOPLES_TABLES}


def applications_columns(deployment: Deployment) -> dict[str, set[bytes]]:
    return {
        name: set(dumped(deployment, f"select {columns} from {name}").splitlines())
        for name, columns in APPLICATIONS_COLUMNS.items()
    }


def test_everything_is_adopted_and_peoples_work_stays(deployment: Deployment, sample: Sample, tmp_path: Path) -> None:
    in_use(deployment, sample)
    deployment.load(sample)
    work, columns = peoples_work(deployment), applications_columns(deployment)
    assert all(work.values()) and all(columns.values())
    duplicates = deployment.query(
        "select id, name, email, role from speakers where call_id ="
        " (select call_id from speakers group by call_id, lower(email) having count(*) > 1 limit 1)"
        " and (role in ('csm', 'se') or lower(email) in"
        " (select lower(email) from speakers group by call_id, lower(email) having count(*) > 1)) order by 1"
    )
    assert len(duplicates) == 4
    by_address = (
        "select id, lower(email) from speakers where name like 'Formerly%%' and id <> all(%s::uuid[]) order by 1"
    )
    others = deployment.query(by_address, [[row[0] for row in duplicates]])
    assert others

    assert deployment.sync().failures == ()

    assert peoples_work(deployment) == work
    after = applications_columns(deployment)
    assert all(columns[name] <= after[name] for name in columns), "ids and the application's columns are as they were"
    adopted = "select id, name, email, role from speakers where id = any(%s::uuid[]) order by 1"
    assert deployment.query(adopted, [[row[0] for row in duplicates]]) == duplicates, "it is unclear which is which"
    renamed = (
        "select id, lower(email) from speakers where id = any(%s::uuid[]) and name not like 'Formerly%%' order by 1"
    )
    assert deployment.query(renamed, [[row[0] for row in others]]) == others
    assert deployment.query("select title from calls where gong_call_id = 'recorded elsewhere'") == [
        ("Not at the source",)
    ]

    # of what the source names nothing is missing, nothing differs; what is there besides, the importer had
    found = found_differences(deployment, sample, tmp_path, limit=1000)
    by_hand = deployment.query(
        "select gong_call_id from calls join speakers on call_id = calls.id where name = 'Unknown'"
    )
    allowed = (
        "calls recorded elsewhere: extra",
        "opportunities by hand: extra",
        f"speakers {by_hand[0][0]}: extra",
    )
    rest = [
        line for line in found if not line.startswith((*allowed, "call_opportunities")) and "reviewed_by" not in line
    ]
    assert rest == []
    assert sum(line.startswith("speakers") for line in found) == 4

    written = deployment.rows_written()
    assert deployment.sync().failures == ()
    assert deployment.rows_written() == written


def test_an_address_that_two_speakers_share_adopts_no_row(synced: Deployment, tenth: Sample) -> None:
    address, speakers = "shared@acme.example", ("first", "second")
    (call,) = synced.query("select gong_call_id from calls order by 1 limit 1")[0]
    insert = "insert into speakers (call_id, name, email) select id, 'Earlier', %s from calls where gong_call_id = %s"
    synced.query(insert, [address.upper(), call])
    row = {"call_id": call, "_fivetran_synced": tenth.until, "_fivetran_deleted": False}
    spoke = [row | {"id": speaker, "talk_time": "30"} for speaker in speakers]
    took_part = [row | {"id": f"p {s}", "speaker_id": s, "name": s, "email_address": address} for s in speakers]
    added = {("gong", "call_speaker"): spoke, ("gong", "call_participant"): took_part}
    synced.load(tenth.replaced({key: tenth[key].appended(rows) for key, rows in added.items()}))
    assert synced.sync().failures == ()
    found = synced.query("select name from speakers where lower(email) = %s order by 1", [address])
    assert found == [("Earlier",), ("first",), ("second",)]
