"""`coaching adopt` without `--dry-run`."""

import pytest

from coaching_assets_tests.support.processes import coaching


@pytest.mark.integration
def test_adopting_is_part_of_a_sync() -> None:
    printed = coaching("adopt")
    assert printed.returncode == 0
    assert "Every sync adopts existing rows" in printed.stdout
