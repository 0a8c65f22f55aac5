"""A first sync while a constraint of the application rejects one monologue in a hundred, against one without."""

from collections.abc import Iterator

from coaching_assets_tests.bench import data
from coaching_assets_tests.bench.outcome import Goal, Outcome
from coaching_assets_tests.bench.servers import Installation, Servers
from coaching_assets_tests.bench.sizes import Sizes
from coaching_assets_tests.bench.syncing import PUBLISHING_STEP, Synced, run_steps

ONE_IN_A_HUNDRED = "alter table transcripts add constraint bench check (hashtext(id::text) % 100 <> 0)"
"""Rejects rows of all calls alike: the most calls, and every batch, have a bad row."""

REJECTED = "select count(*) from coaching_sync.rejected_rows where constraint_name = 'bench'"


def bad_rows(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure a first sync with rejected rows, and the next one, which tries them again."""
    sample = data.sample_of(sizes.first)
    without = servers.install("good")
    without.deliver(sample)
    good = run_steps(without)
    again_good = run_steps(without)
    servers.remove(without)
    ours = servers.install("bad", without.project)
    ours.query(ONE_IN_A_HUNDRED)
    bad = run_steps(ours)
    rejected = int(ours.value(REJECTED))
    again_bad = run_steps(ours)
    _require_rejected(ours, rejected, sizes)
    title = f"first sync of {sizes.first:,} monologues, {rejected:,} of them rejected / the same with none rejected"
    yield Outcome(title, bad.seconds / good.seconds, "ratio", Goal(2.0), _parts(bad, good))
    title = f"next sync, which tries {rejected:,} rows again / the same with none"
    yield Outcome(title, again_bad.seconds / again_good.seconds, "ratio", None, _parts(again_bad, again_good))
    servers.remove(ours)


def _parts(bad: Synced, good: Synced) -> dict[str, float]:
    return {
        "with rejected rows": bad.seconds,
        "without": good.seconds,
        "publishing with rejected rows": bad.steps[PUBLISHING_STEP],
        "publishing without": good.steps[PUBLISHING_STEP],
    }


def _require_rejected(ours: Installation, rejected: int, sizes: Sizes) -> None:
    """Require that as many rows were rejected as the goal is about, and that they stay rejected."""
    if not 0.005 < rejected / sizes.first < 0.02 or int(ours.value(REJECTED)) != rejected:
        raise AssertionError(f"{rejected} of {sizes.first} monologues are rejected, but about one percent should be.")
