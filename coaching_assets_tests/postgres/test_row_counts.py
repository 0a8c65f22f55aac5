"""How many rows a table has: counted where that is cheap, else estimated, and said so."""

import psycopg2
from psycopg2 import sql

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.postgres.tables import COUNTED_BYTES, RowCount, count_rows


def test_a_small_table_is_counted_and_a_large_one_estimated(postgres: EmbeddedPostgres) -> None:
    rows = COUNTED_BYTES // 1000
    postgres.create_database("row_counts")
    database = psycopg2.connect(postgres.url("row_counts"))
    try:
        with database.cursor() as cursor:
            cursor.execute('create schema "a b"')
            cursor.execute('create table "a b".small as select generate_series(1, 7)')
            cursor.execute('create table "a b"."Large" (filling char(1200))')
            cursor.execute('alter table "a b"."Large" alter filling set storage plain')
            cursor.execute('insert into "a b"."Large" select n from generate_series(1, %s) as n', (rows,))
            cursor.execute('analyze "a b"."Large"')
        assert count_rows(database, sql.Identifier("a b", "small")) == RowCount(7)
        found = count_rows(database, sql.Identifier("a b", "Large"))
    finally:
        database.close()
    assert found.is_estimate
    assert abs(found.rows - rows) < rows * 0.05
