"""The measurements: each yields lines of the benchmark's table."""

import os
from collections.abc import Callable, Iterator

from coaching_assets.demo.sample import Sample
from coaching_assets_tests.bench import data, limit, multiplying, recipes
from coaching_assets_tests.bench.application import in_use
from coaching_assets_tests.bench.bad_rows import bad_rows
from coaching_assets_tests.bench.growth import growth
from coaching_assets_tests.bench.outcome import Goal, Outcome, of_pairs
from coaching_assets_tests.bench.processes import core_seconds, run, run_python
from coaching_assets_tests.bench.servers import Installation, Servers
from coaching_assets_tests.bench.sizes import Sizes
from coaching_assets_tests.bench.syncing import PUBLISHING_STEP, REPLICA_STEP, Synced, run_steps

Measure = Callable[[Servers, Sizes], Iterator[Outcome]]

APPLICATION_TABLES = ["calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails"]
REIMPORT_HOURS = 48
CORES = os.cpu_count() or 1


def first_sync(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure a first sync, a re-import of the same rows by Fivetran, and a sync with nothing changed."""
    sample, rows = data.sample_of(sizes.first), f"{sizes.first:,}"
    ours = servers.install("first")
    ours.deliver(sample)
    bare = servers.install("limit")
    copied = limit.copy_all(bare, sample)
    with in_use(ours) as waiting:
        synced = run_steps(ours)
    inserted = limit.publish(bare)
    copied_again = limit.copy_all(bare, sample)
    least = min(copied, copied_again)
    parts, at_work = _parts_of_replicating(ours, bare, sample)
    replica, published = synced.steps[REPLICA_STEP], synced.steps[PUBLISHING_STEP]
    yield Outcome(
        f"replica stage of a first sync of {rows} monologues / COPY",
        replica / least,
        "ratio",
        Goal(2.0),
        {"replica stage": replica, "COPY": least},
    )
    yield Outcome(
        "reading, COPY and indexes, one after the other / COPY",
        sum(parts.values()) / least,
        "ratio",
        None,
        parts,
    )
    yield Outcome(
        "the same with all cores always busy / COPY",
        at_work / CORES / least,
        "ratio",
        None,
        {"core seconds": at_work, "cores": float(CORES)},
    )
    yield Outcome(
        "publishing stage / insert",
        published / inserted,
        "ratio",
        None,
        {"publishing stage": published, "insert": inserted},
    )
    yield Outcome(
        f"first sync of {rows} monologues / minimum",
        synced.seconds / (least + inserted),
        "ratio",
        Goal(1.3),
        {"coaching sync": synced.seconds, "minimum": least + inserted} | synced.steps,
    )
    yield Outcome("longest lock wait of an application in use meanwhile", waiting.longest, "seconds", Goal(1.0))
    size = "select pg_total_relation_size('{}.transcript')"
    sizes_on_disk = {
        name: float(at.value(size.format(schema)))
        for name, at, schema in (("replica", ours, "gongio_ft"), ("bare table", bare, limit.BARE))
    }
    yield Outcome(
        "size of the replica's transcript / bare table",
        sizes_on_disk["replica"] / sizes_on_disk["bare table"],
        "ratio",
        Goal(1.3),
        sizes_on_disk,
    )
    servers.remove(bare)
    again = sample.replaced({key: data.delivered_again(table, REIMPORT_HOURS) for key, table in sample.tables.items()})
    ours.deliver(again)
    yield from _reimport(ours, synced)
    yield from _one_more(ours, again)
    yield from _nothing_changed(ours, sizes)
    servers.remove(ours)


def _parts_of_replicating(ours: Installation, bare: Installation, sample: Sample) -> tuple[dict[str, float], float]:
    """Return the seconds of each part that every first load needs, and the core seconds of all together."""
    before = core_seconds()
    parts = {
        "reading": limit.read_all(ours),
        "COPY": limit.copy_all(bare, sample),
        "indexes": limit.index_all(bare),
    }
    return parts, core_seconds() - before


def _reimport(ours: Installation, first: Synced) -> Iterator[Outcome]:
    written = _rows_written(ours)
    second = run_steps(ours)
    yield Outcome(
        "re-import: rows written to the application's tables", _rows_written(ours) - written, "count", Goal(0)
    )
    yield Outcome(
        "re-import: write-ahead log / first load",
        second.wal / first.wal,
        "percent",
        Goal(0.15),
        {"re-import": second.wal, "first load": first.wal},
    )
    yield Outcome(
        "re-import: time / first load",
        second.seconds / first.seconds,
        "percent",
        Goal(0.4),
        {"re-import": second.seconds, "first load": first.seconds}
        | {f"re-import: {k}": v for k, v in second.steps.items()},
    )


def _one_more(ours: Installation, sample: Sample) -> Iterator[Outcome]:
    key = ("gong", "transcript")
    ours.deliver(sample.replaced({key: data.with_one_more(sample[key])}), ("transcript",))
    run_steps(ours)
    read = float(
        ours.value(
            "select rows_read from coaching_sync.replica_loads where table_name = 'transcript'"
            " order by loaded_at desc limit 1"
        )
    )
    rows = sample[key].rows.num_rows
    yield Outcome(
        "one new row after the re-import: rows read / rows re-imported",
        read / rows,
        "percent",
        Goal(0.01),
        {"rows read": read, "rows re-imported": float(rows)},
    )


def _rows_written(ours: Installation) -> int:
    ours.query("select pg_stat_force_next_flush()")
    return int(
        ours.value(
            "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) from pg_stat_user_tables"
            " where schemaname = 'public' and relname = any(%s)",
            (APPLICATION_TABLES,),
        )
    )


def _nothing_changed(ours: Installation, sizes: Sizes) -> Iterator[Outcome]:
    run(["coaching", "sync"], ours.environment)
    pairs = [
        (run(["coaching", "sync"], ours.environment).seconds, run(["dagster", "--version"], ours.environment).seconds)
        for _ in range(sizes.repetitions)
    ]
    yield of_pairs("sync with nothing changed / `dagster --version`", pairs, Goal(3.0), ("sync", "dagster"))


def definitions(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure loading the code location, against importing its libraries."""
    environment = servers.install("definitions").environment
    run_python("import coaching_assets.definitions", environment)
    pairs = [
        (
            run_python("import coaching_assets.definitions", environment).seconds,
            run_python("import dagster, dagster_dlt", environment).seconds,
        )
        for _ in range(sizes.repetitions)
    ]
    names = ("definitions", "imports")
    yield of_pairs("loading the definitions / `import dagster, dagster_dlt`", pairs, Goal(1.15), names)


def other_ways(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure other ways to load the same rows, each followed by the insert, against a whole first sync."""
    sample, rows = data.sample_of(sizes.recipes), f"{sizes.recipes:,}"
    ours = servers.install("ours")
    ours.deliver(sample)
    synced = run_steps(ours)
    others = {name: servers.install(name, ours.project) for name in recipes.RECIPES}
    for name, other in others.items():
        loaded = _load(other, name)
        inserted = limit.publish(other, recipes.DATASET)
        parts = {"load": loaded, "insert": inserted, "coaching sync": synced.seconds} | synced.steps
        goal = Goal(10.0, at_least=True) if name == "rows" else None
        title = f"first sync of {rows} monologues by *{name}* / by this project"
        yield Outcome(title, (loaded + inserted) / synced.seconds, "ratio", goal, parts)
        replica = sum(seconds for step, seconds in synced.steps.items() if not step.startswith("publish_"))
        yield Outcome(
            f"load of {rows} monologues by *{name}* / our replica stage",
            loaded / replica,
            "ratio",
            None,
            {"load": loaded, "replica": replica},
        )
    changed = data.with_changes(sample["gong", "transcript"], sizes.changes, 1)
    ours.deliver(sample.replaced({("gong", "transcript"): changed}), ("transcript",))
    again = run_steps(ours).seconds
    for name in recipes.WHOLE:
        loaded = _load(others[name], name)
        title = f"load by *{name}* after {sizes.changes:,} rows changed / our whole sync"
        yield Outcome(title, loaded / again, "ratio", None, {"load": loaded, "coaching sync": again})
    for installation in (ours, *others.values()):
        servers.remove(installation)


def _load(other: Installation, recipe: str) -> float:
    """Load by a recipe in a separate process; return the seconds."""
    return run(["python", "-W", "ignore", "-m", recipes.__name__, recipe, str(other.folder)], other.environment).seconds


def changes(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure syncs of the same changed rows in a small table and in a large one."""
    few, many = sizes.changed
    sample = data.sample_of(few)
    small = servers.install("small")
    small.deliver(sample)
    run_steps(small)
    large = servers.copy(small, "large")
    multiplying.multiply(large, many // few - 1)
    pairs = []
    for number in range(sizes.repetitions):
        changed = data.with_changes(sample["gong", "transcript"], sizes.changes, number + 1)
        small.deliver(sample.replaced({("gong", "transcript"): changed}), ("transcript",))
        both = [run_steps(at, REPLICA_STEP, PUBLISHING_STEP) for at in (large, small)]
        pairs.append((sum(both[0].steps.values()), sum(both[1].steps.values())))
    title = f"{sizes.changes:,} changed rows in {many:,} / the same in {few:,}"
    yield of_pairs(title, pairs, Goal(1.2), ("large", "small"))
    servers.remove(small)
    servers.remove(large)


def memory(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """Measure the peak memory of the process that loads a small table, then a large one."""
    peaks = []
    for rows in sizes.memory:
        at = servers.install(f"memory{rows}")
        at.deliver(data.sample_of(rows))
        peaks.append(run_steps(at, REPLICA_STEP).peak_bytes)
        servers.remove(at)
    small, large = sizes.memory
    parts = {f"{small:,} rows, bytes": float(peaks[0]), f"{large:,} rows, bytes": float(peaks[1])}
    title = f"peak memory with {large:,} monologues / {small:,}"
    yield Outcome(title, peaks[1] / peaks[0], "ratio", Goal(1.2), parts)
    yield Outcome(f"peak memory with {large:,} monologues, MB", peaks[1] / 1e6, "count", Goal(700))


MEASURES: tuple[Measure, ...] = (first_sync, bad_rows, changes, growth, memory, other_ways, definitions)
