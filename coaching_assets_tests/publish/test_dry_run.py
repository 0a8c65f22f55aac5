"""`coaching adopt --dry-run` on a database with an earlier importer's rows: a correct plan, and no writes."""

import psycopg2
import pytest

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.cli.adopt import print_dry_run
from coaching_assets.cli.terminal import console
from coaching_assets.demo.sample import Sample, generate
from coaching_assets.demo.servers import pg_dump_schema
from coaching_assets.publish.dry_run import DryRun, dry_run
from coaching_assets.replica.errors import NotLoaded
from coaching_assets.replica.scratch import MARK
from coaching_assets_tests.support.deployment import Deployment

CALL, OPPORTUNITY = ("gong", "call"), ("salesforce", "opportunity")

APPLICATION_TABLES = """
create table coaching_sessions (
    id serial primary key,
    call_id uuid references calls (id) on delete cascade,
    rep_id uuid references speakers (id) on delete cascade
);
create table feedback (id serial primary key, session_id int references coaching_sessions (id) on delete cascade);
create table notifications (id serial primary key, call_id uuid references calls (id) on delete cascade);
"""

LEGACY_ROWS = """
insert into calls (gong_call_id, title)
select gong_call_id, 'Old ' || title from known.calls order by gong_call_id limit 20;

insert into speakers (call_id, name, email, role)
select calls.id, 'Old ' || speakers.name, upper(speakers.email), 'ae'
from known.speakers join known.calls as known on known.id = speakers.call_id join calls using (gong_call_id);

insert into transcripts (call_id, sequence_number, text)
select calls.id, sequence_number, case when mod(sequence_number, 2) = 0 then text else 'old' end
from known.transcripts join known.calls as known on known.id = transcripts.call_id join calls using (gong_call_id);

insert into opportunities (gong_opportunity_id, name) select gong_opportunity_id, 'Old' from known.opportunities;

insert into emails (gong_email_id, opportunity_id, subject)
select gong_email_id, opportunities.id, 'Old'
from known.emails
join known.opportunities as known on known.id = emails.opportunity_id
join opportunities using (gong_opportunity_id);

insert into call_opportunities (call_id, opportunity_id)
select calls.id, opportunities.id
from known.call_opportunities as link
join known.calls as known_call on known_call.id = link.call_id
join calls using (gong_call_id)
join known.opportunities as known on known.id = link.opportunity_id
join opportunities using (gong_opportunity_id);

insert into coaching_sessions (call_id, rep_id)
select call_id, min(id::text)::uuid
from speakers
where call_id in (select id from calls order by gong_call_id limit 5)
group by call_id;

insert into feedback (session_id) select id from coaching_sessions;
insert into notifications (call_id) select id from calls order by gong_call_id limit 5;
"""
"""Random ids, other names, addresses in capitals, half of the texts outdated, coaching rows on the first calls."""


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.1)


@pytest.fixture
def legacy(deployment: Deployment, sample: Sample) -> Deployment:
    """The application's tables as an earlier importer left them, and a source that has deleted some rows since."""
    deployment.load(sample)
    assert deployment.sync().success
    deployment.query(APPLICATION_TABLES)
    deployment.query("create schema known")
    for table in ("calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails"):
        deployment.query(f"create table known.{table} as table {table}")
    deployment.query("truncate calls, opportunities, emails, sync_status cascade")
    deployment.query(
        "drop schema coaching_sync, gongio_ft, gongio_ft_staging, salesforce_ft, salesforce_ft_staging cascade"
    )
    deployment.query(LEGACY_ROWS)
    calls = [key for (key,) in deployment.query("select gong_call_id from calls order by gong_call_id")]
    (deal,) = deployment.query("select opportunity_id from emails where opportunity_id is not null limit 1")[0]
    (deal,) = deployment.query("select gong_opportunity_id from opportunities where id = %s", [deal])[0]
    for key, row in ((CALL, calls[0]), (CALL, calls[-1]), (OPPORTUNITY, deal)):
        flag = "_fivetran_deleted" if key == CALL else "is_deleted"
        table = sample[key]
        changed = table.edited(table.numbers(id=row), lambda found, flag=flag: found.update({flag: True}))
        sample = sample.replaced({key: changed})
    deployment.query("drop schema known cascade")
    deployment.load(sample)
    return deployment


def everything(deployment: Deployment) -> tuple[list[tuple], str, list[tuple]]:
    """The schemas, the application's schema as SQL, and the number of writes to each of its tables."""
    deployment.query("select pg_stat_force_next_flush()")
    return (
        deployment.query("select nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1"),
        pg_dump_schema(deployment.url, "public"),
        deployment.query(
            "select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables"
            " where schemaname = 'public' order by 1"
        ),
    )


def printed(result: DryRun) -> str:
    with console.capture() as captured:
        print_dry_run(result)
    return captured.get()


def test_the_plan_matches_the_next_sync_and_writes_nothing(legacy: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(legacy)
    # as a killed dry run leaves it
    legacy.query("create schema coaching_dry_run_gong; create table coaching_dry_run_gong.call (id int)")
    legacy.query(f"comment on schema coaching_dry_run_gong is '{MARK}'")
    ids = {table: legacy.query(f"select id from {table}") for table in ("calls", "speakers", "transcripts", "emails")}
    with monkeypatch.context() as environment, psycopg2.connect(legacy.url) as application:
        # a statement that waits for a row lock of the application fails
        environment.setenv("PGOPTIONS", "-c lock_timeout=1s")
        application.cursor().execute("select from calls, speakers, opportunities for update")
        result = dry_run(legacy.settings, lambda sentence: None)
    application.close()
    assert everything(legacy) == before

    tables = result.plan.tables
    assert tables["calls"].rows["adopted"] == 18, "20 rows of the importer, less two that are deleted at the source"
    assert (tables["calls"].rows["deleted"], tables["calls"].rows["kept"]) == (1, 1)
    assert tables["opportunities"].rows["deleted"] == 1
    assert tables["transcripts"].equal == 0, "the earlier importer kept no start times"
    example = tables["calls"].examples["updated"][0]
    assert example.label.startswith("call ")
    assert "title" in example.columns
    assert all(len(examples) <= 10 for table in tables.values() for examples in table.examples.values())
    text = printed(result)
    assert "Computed from the current rows in BigQuery. Nothing was written." in text
    assert str(example) in text

    report = legacy.sync()
    assert report.failures == ()
    reported = {line.asset: line.figures for line in report.lines}
    for name, table in tables.items():
        _, inserted, updated, _, deleted, *_ = reported[f"coaching/{name}"]
        assert (table.rows["inserted"], table.rows["updated"], table.rows["deleted"]) == (inserted, updated, deleted), (
            name
        )
    surviving = {
        table: legacy.query(f"select count(*) from {table} where id = any(%s::uuid[])", [[key for (key,) in keys]])[0][
            0
        ]
        for table, keys in ids.items()
    }
    assert surviving["calls"] == tables["calls"].rows["adopted"] + tables["calls"].rows["kept"]
    assert surviving["emails"] == tables["emails"].rows["adopted"]

    again = dry_run(legacy.settings, lambda sentence: None)
    assert again.plan.changes == 0
    assert "as the last sync left it" in again.origin


def test_a_failed_dry_run_leaves_nothing_behind(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample, ["call", "call_speaker", "users"])
    users = f"`{deployment.name}.gongio_ft.users"
    for statement in (
        f"create table {users}_table` as select * from {users}`",
        f"drop table {users}`",
        f"create view {users}` as select * from {users}_table`",
        f"drop table {users}_table`",
    ):
        deployment.client.query(statement).result()
    before = everything(deployment)
    with pytest.raises((NotLoaded, SourceError), match="users"):
        dry_run(deployment.settings, lambda sentence: None)
    assert everything(deployment) == before
