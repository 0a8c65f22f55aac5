"""A sync works in databases with publications, triggers that call functions of other schemas, and long search paths."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited, found_differences

pytestmark = pytest.mark.every_version
CALL = ("gong", "call")
EXTENSIONS = """
create schema extensions;
create function extensions.tidy(value text) returns text language sql as $$select btrim(value)$$;
create function public.tidy_title() returns trigger language plpgsql as
$$begin new.title := tidy(new.title); return new; end$$;
create trigger tidy_title before insert or update on calls for each row execute function public.tidy_title();
"""


def renamed(sample: Sample, title: str) -> Sample:
    return edited(sample, CALL, {}, title=title)


@pytest.mark.slow
def test_a_publication_for_all_tables_does_not_stop_a_sync(deployment: Deployment, tmp_path: Path) -> None:
    deployment.query("create publication everything for all tables")
    sample = generate(0.02)
    for number, state in enumerate((sample, renamed(sample, "Second"), renamed(sample, "Third"))):
        deployment.load(state)
        assert deployment.sync().failures == ()
        assert found_differences(deployment, state, tmp_path / str(number)) == []


def test_a_trigger_finds_the_functions_of_the_databases_search_path(deployment: Deployment) -> None:
    deployment.query(EXTENSIONS)
    deployment.query(f"alter database {deployment.name} set search_path = public, extensions")
    sample = generate(0.02)
    deployment.load(renamed(sample, "  With blanks  "))
    assert deployment.sync().failures == ()
    assert deployment.query("select distinct title from calls") == [("With blanks",)]
