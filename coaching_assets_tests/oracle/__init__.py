"""An independent computation of the published tables, in DuckDB, to compare the application's tables with.

It is written from docs/published-tables.md, reads the sample's parquet files, and shares no code with the publisher.

    wanted = expected(folder, ["example.com"])
    found = actual(connection, "public")
    assert differences(wanted, found) == []
"""

from coaching_assets_tests.oracle.application import actual
from coaching_assets_tests.oracle.comparison import differences
from coaching_assets_tests.oracle.computation import expected
from coaching_assets_tests.oracle.published import TABLES, Expected

__all__ = ["TABLES", "Expected", "actual", "differences", "expected"]
