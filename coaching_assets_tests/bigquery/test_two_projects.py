"""The data in one project, the bill in another: jobs and read sessions run in BIGQUERY_BILLING_PROJECT."""

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.identifiers import quoted_path
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.bigquery.tables import client_for, create, settings_for

DATA, BILLING = "data-project", "billing-project"


def test_data_and_bill_are_in_two_projects(emulator: BigQueryEmulator) -> None:
    """A session's `parent` is billed: https://cloud.google.com/bigquery/docs/reference/storage#create_a_session ."""
    import pyarrow as pa
    from google.cloud.bigquery import SchemaField

    with client_for(emulator, DATA) as client:
        create(client, "gong.word", [SchemaField("text", "STRING")], pa.table({"text": ["a", "b"]}))
    settings = settings_for(emulator, DATA).model_copy(update={"bigquery_billing_project": BILLING})
    with connect(settings) as bigquery:
        word = bigquery.describe("gong", "word")
        assert word is not None
        assert str(word) == "data-project.gong.word"
        assert bigquery.table_names("gong") == {"word"}
        result = bigquery.query(word, f"select text from {quoted_path(word)}")
        assert result.job.project == BILLING
        assert sorted(row[0] for row in result.rows()) == ["a", "b"]
        created: list[str] = []
        create_session = bigquery.storage.create_read_session
        bigquery.storage.create_read_session = lambda **options: (  # type: ignore[method-assign]
            created.append(options["parent"]) or create_session(**options)  # type: ignore[func-returns-value]
        )
        assert sum(batch.num_rows for batch in bigquery.read(word)) == 2
        assert created == [f"projects/{BILLING}"]
