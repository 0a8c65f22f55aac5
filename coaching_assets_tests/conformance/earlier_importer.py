"""Rows that an earlier importer wrote: other ids than ours, old contents, and what people added to them since."""

from collections import Counter

from psycopg2.extras import execute_values

from coaching_assets_tests.conformance.installation import Installation
from coaching_assets_tests.oracle import Expected

CALLS = "insert into calls (gong_call_id, title, product, overall_score) values %s"
SPEAKERS = """
    insert into speakers (call_id, name, email, role)
    select calls.id, 'Formerly ' || given.name, upper(given.email collate "C"), 'ae'
    from (values %s) as given (gong_call_id, name, email) join calls using (gong_call_id)"""
TRANSCRIPTS = """
    insert into transcripts (call_id, sequence_number, text, sentiment)
    select calls.id, given.place, 'Old text', 'calm'
    from (values %s) as given (gong_call_id, place) join calls using (gong_call_id)"""
OPPORTUNITIES = "insert into opportunities (gong_opportunity_id, name) values %s"
EMAILS = "insert into emails (gong_email_id, subject) values %s"

APPLICATIONS_COLUMNS = {
    "calls": "id, gong_call_id, product, overall_score, created_at",
    "speakers": "id, call_id, role",
    "transcripts": "id, call_id, sequence_number, sentiment",
    "opportunities": "id, gong_opportunity_id, created_at",
    "emails": "id, gong_email_id, created_at",
}
"""What a sync never changes in rows that it adopts."""


def import_rows(installation: Installation, wanted: Expected) -> None:
    """Write two of three calls, with their speakers and monologues, and every other deal and e-mail."""
    calls = {key for number, key in enumerate(sorted(wanted.calls)) if number % 3}
    speakers = [
        (call, row["name"], row["email"])
        for (call, _), row in wanted.speakers.items()
        if call in calls and row["email"]
    ]
    # which of two speakers with one address is which cannot be known; such rows are not adopted
    seen = Counter((call, email.lower()) for call, _, email in speakers)
    alone = [row for row in speakers if seen[row[0], row[2].lower()] == 1]
    with installation.connect() as connection, connection.cursor() as cursor:
        for statement, rows in (
            (CALLS, [(call, "Old title", "Core", 7) for call in calls]),
            (SPEAKERS, alone),
            (TRANSCRIPTS, [key for key in wanted.transcripts if key[0] in calls]),
            (OPPORTUNITIES, [(key, "Old") for key in sorted(wanted.opportunities)[::2]]),
            (EMAILS, [(key, "Old") for key in sorted(wanted.emails)[::2]]),
        ):
            assert rows, statement
            execute_values(cursor, statement, rows)


def applications_columns(installation: Installation) -> dict[str, set[tuple]]:
    """The ids and the application's columns of all rows, by table."""
    return {
        table: set(installation.query(f"select {columns} from {table}"))
        for table, columns in APPLICATIONS_COLUMNS.items()
    }


def lost(before: dict[str, set[tuple]], after: dict[str, set[tuple]]) -> list[str]:
    """Rows that are gone, have another id, or whose columns of the application changed."""
    return [f"{table}: {row}" for table, rows in before.items() for row in rows - after[table]]
