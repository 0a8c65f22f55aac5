"""Columns that policy tags keep from the account are left out; the rest of the table is read."""

import pyarrow as pa
import pytest

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.errors import ColumnDenied
from coaching_assets_tests.bigquery.tables import client_for, create, settings_for
from coaching_assets_tests.front.policy_tags import PolicyTag
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.front.table_kinds import external

PROJECT = "tags"
COLUMNS = ("id", "title", "phone", "amount")


@pytest.fixture
def person(front: Front) -> str:
    from google.cloud.bigquery import SchemaField

    with client_for(front.emulator, PROJECT) as client:
        client.delete_table(f"{PROJECT}.gong.person", not_found_ok=True)
        fields = [SchemaField(name, "STRING") for name in COLUMNS]
        create(client, "gong.person", fields, pa.table({name: [f"{name} 1", f"{name} 2"] for name in COLUMNS}))
    return "person"


@pytest.mark.parametrize("kind", ["TABLE", pytest.param("EXTERNAL", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("denied", "granted"),
    [
        (("title", "phone"), ("amount",)),
        pytest.param(("amount",), (), marks=pytest.mark.slow),
        pytest.param((), ("title", "phone"), marks=pytest.mark.slow),
    ],
)
def test_columns_that_may_not_be_read_are_left_out(
    front: Front, person: str, kind: str, denied: tuple[str, ...], granted: tuple[str, ...]
) -> None:
    """https://cloud.google.com/bigquery/docs/column-level-security-intro#queries"""
    front.add(PolicyTag("gong", person, denied))
    front.add(PolicyTag("gong", person, granted, granted=True))
    if kind == "EXTERNAL":
        front.add(external("gong", person))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        described = bigquery.describe("gong", person)
        assert described is not None
        readable = bigquery.readable(described)
        assert readable.denied == denied
        assert readable.columns == tuple(name for name in COLUMNS if name not in denied)
        batches = list(bigquery.read(readable))
        assert sorted(batches[0].schema.names) == sorted(readable.columns)
        assert sum(batch.num_rows for batch in batches) == 2


def test_a_denied_column_is_an_error_that_names_the_role(front: Front, person: str) -> None:
    front.add(PolicyTag("gong", person, ("phone",)))
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        described = bigquery.describe("gong", person)
        assert described is not None
        with pytest.raises(ColumnDenied, match=r"on column tags\.gong\.person\.phone\..*categoryFineGrainedReader"):
            list(bigquery.read(described))
        with pytest.raises(ColumnDenied, match="categoryFineGrainedReader"):
            bigquery.query(described, "SELECT phone FROM gong.person")


def test_a_table_without_tags_costs_no_request(front: Front, person: str) -> None:
    with connect(settings_for(front.emulator, PROJECT)) as bigquery:
        described = bigquery.describe("gong", person)
        assert described is not None
        before = len(front.requests), len(front.sessions)
        assert bigquery.readable(described) is described
        assert (len(front.requests), len(front.sessions)) == before
