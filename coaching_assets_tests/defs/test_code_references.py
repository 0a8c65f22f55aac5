"""An asset links to the files that define it."""

from pathlib import Path

from coaching_assets.definitions import defs


def linked_files(asset: str) -> set[str]:
    specs = {"/".join(spec.key.path): spec for spec in defs.resolve_all_asset_specs()}
    references = specs[asset].metadata["dagster/code_references"].code_references
    assert all(Path(reference.file_path).is_file() for reference in references)
    return {reference.label for reference in references}


def test_a_published_table_links_to_its_sql() -> None:
    assert "rows.sql" in linked_files("coaching/calls")
    assert "rows.sql" in linked_files("coaching/emails")


def test_a_replica_table_links_to_its_catalogue_entry() -> None:
    assert "gong.py" in linked_files("gongio_ft/call")
    assert "salesforce.py" in linked_files("bigquery/salesforce_ft/account")
