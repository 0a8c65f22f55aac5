"""The rule version changes for the tables whose rows depend on a change, and for no others.

The tests change the files of a copy of the package, the functions in the database and the settings in turn.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg2
import pytest

import coaching_assets
from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.publish.tables import GROUPS
from coaching_assets.settings import load_settings

pytestmark = pytest.mark.integration

PACKAGE = Path(coaching_assets.__file__).parent
PRINTER = Path(__file__).parent / "rule_versions.py"
CALLS, OPPORTUNITIES, EMAILS = {"calls"}, {"opportunities"}, {"emails"}
ALL = CALLS | OPPORTUNITIES | EMAILS
NONE: set[str] = set()
NUMBERS = count(1)
"""A worker that takes tests over from another sets up the module again, with a new database."""


@dataclass
class Copy:
    """A copy of the package, and a process that computes its rule versions."""

    folder: Path
    process: "subprocess.Popen[str]"
    url: str
    unchanged: dict[str, str] = field(default_factory=dict)

    def versions(self, **settings: object) -> dict[str, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(settings) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        found: dict[str, str] = json.loads(line)
        return found

    def changed_by(self, action: Callable[[], object], undo: Callable[[], object]) -> set[str]:
        """The groups whose version an action changes, until it is undone."""
        before = self.unchanged
        try:
            action()
            after = self.versions()
        finally:
            undo()
        return {name for name in before if before[name] != after[name]}

    def changed_by_edit(self, file: str, edit: Callable[[str], str]) -> set[str]:
        path = self.folder / PACKAGE.name / file
        text = path.read_text()
        assert edit(text) != text, f"the edit of {file} changes nothing"
        return self.changed_by(lambda: path.write_text(edit(text)), lambda: path.write_text(text))

    def changed_by_statement(self, statement: str, undo: str) -> set[str]:
        return self.changed_by(lambda: self.run(statement), lambda: self.run(undo))

    def run(self, statement: str) -> str:
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return str(cursor.fetchone()[0]) if cursor.description else ""
        finally:
            connection.close()


@pytest.fixture(scope="module")
def copy(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    folder, name = tmp_path_factory.mktemp("copy"), f"rule_version{next(NUMBERS)}"
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    postgres.create_database(name)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", postgres.url(name))
        environment.setenv("BIGQUERY_PROJECT", name)
        create_application_tables(load_settings())
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(PRINTER)],
            cwd=folder,
            # an edit can be too quick for the time stamps by which compiled modules are found outdated
            env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    with process:
        copy = Copy(folder, process, postgres.url(name))
        copy.unchanged = copy.versions()
        yield copy
        assert process.stdin is not None
        process.stdin.close()


def test_the_versions_are_those_of_the_copy_and_stay_as_they_are(copy: Copy) -> None:
    versions = copy.versions()
    assert versions.keys() == {group.name for group in GROUPS}
    assert copy.versions() == versions


TABLE_FILES = sorted(str(path.relative_to(PACKAGE)) for path in (PACKAGE / "publish" / "tables").glob("*/*.sql"))
GROUP_OF = {table.name: {group.name} for group in GROUPS for table in group.tables}


@pytest.mark.parametrize("file", TABLE_FILES)
def test_the_sql_of_a_table(copy: Copy, file: str) -> None:
    group = GROUP_OF[Path(file).parent.name]
    # which aggregates vanished is asked for by a reconciliation only
    expected = NONE if file.endswith("vanished.sql") else group
    assert copy.changed_by_edit(file, lambda text: text + "\nlimit all") == expected
    assert copy.changed_by_edit(file, lambda text: f"-- Another comment\n\n{text}  -- and one\n") == NONE
    assert copy.changed_by_edit(file, lambda text: text.replace("\n", "\n    ")) == NONE


SHARED_FILES = {
    "duplicates.sql": ALL,
    "templates/insert.sql": ALL,
    "templates/update.sql": ALL,
    "templates/pending_changed.sql": ALL,
    "templates/pending_via.sql": CALLS | OPPORTUNITIES,
    "templates/pending_arrived.sql": CALLS | EMAILS,
    "templates/waiting_for_root.sql": CALLS,
    "templates/waiting_for_parent.sql": CALLS | EMAILS,
    "templates/stale_root.sql": EMAILS,
    "templates/fill_stale.sql": ALL,
    "templates/keep_unproven.sql": ALL,
    "templates/delete.sql": ALL,
    "templates/lacking.sql": NONE,
    "templates/mark_kept.sql": CALLS | OPPORTUNITIES,
    "templates/plan_batch.sql": NONE,
    "templates/present_loads.sql": NONE,
    "sync_status.sql": NONE,
}


@pytest.mark.parametrize(("file", "groups"), SHARED_FILES.items())
def test_shared_sql(copy: Copy, file: str, groups: set[str]) -> None:
    assert copy.changed_by_edit(f"publish/{file}", lambda text: text + "\nlimit all") == groups


SUBJECT = 'Column("subject", "varchar", "Subject."),\n'
SENDER = 'Column("sender_email", "varchar", "The sender\'s address."),\n'
EDITS = {
    "a cast of bigint": ("publish/views.py", '"{}::bigint"', '"({} + 0)::bigint"', CALLS),
    "a cast of date": ("publish/views.py", '"{}::date"', '"date({})"', OPPORTUNITIES),
    "a cast of text": ("publish/views.py", '"{}::text",', '"({})::text",', ALL),
    "the flag of a soft deletion": ("publish/views.py", '"is_deleted")', '"is_gone")', ALL),
    "the type of a source's column": (
        "catalogue/gong.py",
        'Column("sent_at", "timestamptz"',
        'Column("sent_at", "date"',
        EMAILS,
    ),
    "a further column of a source": (
        "catalogue/gong.py",
        'Column("health_score"',
        'Column("forecast", "text", "Forecast."), Column("health_score"',
        OPPORTUNITIES,
    ),
    "a key of metadata": ("publish/tables/emails/__init__.py", '"headers", ', '"headers", "thread", ', EMAILS),
    "the way from a source to the aggregate": (
        "publish/tables/opportunities/__init__.py",
        'Coalesce("opportunity_id", "id")',
        '"opportunity_id"',
        OPPORTUNITIES,
    ),
    "the condition of a source": (
        "publish/tables/call_opportunities/__init__.py",
        "lower_case(object_type)",
        "upper_case(object_type)",
        CALLS,
    ),
    "a column that is written once": (
        "publish/tables/calls/__init__.py",
        ', written="once"',
        "",
        CALLS,
    ),
    "the description of a column": ("publish/tables/calls/__init__.py", "The call's title.", "Title.", NONE),
    "the description of a source's column": ("catalogue/gong.py", "Gong's summary.", "Summary.", NONE),
    "the order of columns": (
        "publish/tables/emails/__init__.py",
        f"{SUBJECT}        {SENDER}",
        f"{SENDER}        {SUBJECT}",
        NONE,
    ),
    "the sentences of a check": ("publish/checks.py", "Another program writes", "A program writes", NONE),
    "a docstring": ("publish/statements.py", '"""The SQL that', '"""SQL that', NONE),
    "the label of a row": ("publish/tables/transcripts/__init__.py", "'monologue '", "'line '", NONE),
    "the noun of an aggregate": ("publish/tables/calls/__init__.py", 'noun="call"', 'noun="Gong call"', NONE),
}


@pytest.mark.parametrize(("file", "old", "new", "groups"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_of_data_or_code(copy: Copy, file: str, old: str, new: str, groups: set[str]) -> None:
    assert copy.changed_by_edit(file, lambda text: text.replace(old, new)) == groups


FUNCTIONS = {
    "derived_id(text, text)": ALL,
    "is_address(text)": EMAILS,
    "name_from_email(text)": CALLS,
    "any_bigint(text)": CALLS,  # try_bigint calls it
    "hash_of_erased(text, text)": NONE,
}


@pytest.mark.parametrize(("function", "groups"), FUNCTIONS.items())
def test_a_function_in_the_database(copy: Copy, function: str, groups: set[str]) -> None:
    source = copy.run(f"select pg_get_functiondef('coaching_sync.{function}'::regprocedure)")
    head, quote, body = source.partition("AS $function$")
    ending = body.rstrip().removesuffix("$function$")
    commented = f"{head}{quote}\n-- A comment{ending}$function$"
    assert copy.changed_by_statement(commented, source) == NONE
    old, new = ("return", "null; return") if "begin" in ending else ("select", "select all")
    assert copy.changed_by_statement(f"{head}{quote}{ending.replace(old, new, 1)}$function$", source) == groups


CREATE = """
create schema if not exists gongio_ft; create table gongio_ft.{0} (id text);
insert into coaching_sync.replica_tables values ('gongio_ft', '{0}', 'gongio_ft.{0}'::regclass)
"""
"""A table as a load leaves it: on record as this project's."""
DROP = "drop table gongio_ft.{0}; delete from coaching_sync.replica_tables"


def test_which_sources_exist(copy: Copy) -> None:
    assert copy.changed_by_statement(CREATE.format("users"), DROP.format("users")) == CALLS
    assert copy.changed_by_statement(CREATE.format("email_sender"), DROP.format("email_sender")) == EMAILS


def test_the_columns_that_a_source_has_now(copy: Copy) -> None:
    copy.run(CREATE.format("email"))
    before = copy.versions()
    copy.run("alter table gongio_ft.email add subject text, add sent_at__v_text text")
    after = copy.versions()
    copy.run(DROP.format("email"))
    assert after == before


SETTINGS = {
    "company_domains": (["example.org"], CALLS),
    "coaching_schema": ("another", ALL),
    "publish_batch_size": (7, NONE),
    "publish_workers": (1, NONE),
    "replica_overlap_hours": (0.1, NONE),
}


@pytest.mark.parametrize(("name", "value", "groups"), [(n, *rest) for n, rest in SETTINGS.items()], ids=SETTINGS.keys())
def test_a_setting(copy: Copy, name: str, value: object, groups: set[str]) -> None:
    before, after = copy.versions(), copy.versions(**{name: value})
    assert {group for group in before if before[group] != after[group]} == groups
