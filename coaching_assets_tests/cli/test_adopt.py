"""`coaching adopt`: without `--dry-run`, and how a dry run states why rows go."""

from collections import Counter

import pytest

from coaching_assets.cli.adopt import print_dry_run
from coaching_assets.cli.terminal import console
from coaching_assets.publish.dry_run import DryRun
from coaching_assets.publish.plan import Plan, TablePlan
from coaching_assets_tests.support.processes import coaching


@pytest.mark.integration
def test_adopting_is_part_of_a_sync() -> None:
    printed = coaching("adopt")
    assert printed.returncode == 0
    assert "Every sync adopts existing rows" in printed.stdout


def test_a_dry_run_states_why_rows_are_deleted() -> None:
    reasons = Counter({"superseded": 1200, "vanished from the source": 1})
    plan = Plan({"transcripts": TablePlan(reasons=reasons), "emails": TablePlan()}, {}, {}, {}, {})
    with console.capture() as captured:
        print_dry_run(DryRun(plan, "From the replica."))
    printed = " ".join(captured.get().split())
    assert "transcripts, deleted: 1,200 superseded. Their source rows now belong to other rows." in printed
    assert "1 vanished from the source. The replica lacks their source rows. They stay until" in printed
    assert "emails, deleted" not in printed
