"""The bill has the suite's own jobs, names those without a limit, and adds up their bytes."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from google.cloud.bigquery import QueryJobConfig, SchemaField

from coaching_assets_tests.bigquery.tables import client_for, create
from coaching_assets_tests.front.billing import MINIMUM, Billing, sizes_of
from coaching_assets_tests.front.job_configurations import JobConfigurations
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.live.bill import MAXIMUM_BYTES_PER_QUERY, bill_of

WORDS = pa.table({"text": ["a", "b"]})


@pytest.mark.parametrize(
    ("limit", "limited"),
    [
        (2**40, False),
        pytest.param(MAXIMUM_BYTES_PER_QUERY, True, marks=pytest.mark.slow),
        pytest.param(None, False, marks=pytest.mark.slow),
    ],
)
def test_the_bill_of_some_datasets(front: Front, limit: int | None, limited: bool) -> None:
    """https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list lists the account's own jobs."""
    front.add(Billing(sizes_of({"mine.word": WORDS, "theirs.word": WORDS})))
    front.add(JobConfigurations())
    before = datetime.now(UTC) - timedelta(minutes=1)
    with client_for(front.emulator, f"bill-{limit}") as client:
        for dataset in ("mine", "theirs"):
            create(client, f"{dataset}.word", [SchemaField("text", "STRING")], WORDS)
        config = QueryJobConfig(maximum_bytes_billed=limit) if limit else QueryJobConfig()
        mine = client.query("select text from mine.word", job_config=config)
        mine.result()
        client.query("select text from theirs.word", job_config=config).result()

        bill = bill_of(client, ("mine",), before)
    assert [job.job_id for job in bill.jobs] == [mine.job_id]
    assert bill.bytes_billed == MINIMUM
    assert bill.without_limit == ([] if limited else [mine.job_id])
