"""The README and the pages in docs/ are complete, and the links, files and tables that they name exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from coaching_assets.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE, TESTS = ROOT / "coaching_assets", ROOT / "coaching_assets_tests"
MIGRATE = PACKAGE / "postgres" / "migrate.py"
EXAMPLES = {"add-a-table.md", "schema-versions.md"}
"""Pages that name files which do not exist."""
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md"), *ROOT.glob("CONTRIBUTING.md")])

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./]+(?:\.py|\.sql|/))`")
DATABASE_OBJECT = re.compile(r"\bcoaching_sync\.(\w+)")
SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|", re.MULTILINE)


def test_the_page_of_settings_lists_every_setting_with_its_default() -> None:
    listed = dict(SETTING_ROW.findall((DOCS / "settings.md").read_text()))
    defaults = {name.upper(): as_text(field.default) for name, field in Settings.model_fields.items()}
    assert {name: listed.get(name) for name in defaults} == defaults


def test_the_index_links_every_page() -> None:
    linked = set(LINK.findall((DOCS / "index.md").read_text()))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(without_code(page)) if "://" not in link]
    assert [link for link in links if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in EXAMPLES], ids=lambda page: page.name)
def test_every_file_exists(page: Path) -> None:
    assert [name for name in FILE.findall(without_code(page)) if not is_file(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_and_function_of_coaching_sync_exists(page: Path) -> None:
    migrations = "".join(file.read_text() for file in (PACKAGE / "postgres").rglob("*.sql")) + MIGRATE.read_text()
    named = set(DATABASE_OBJECT.findall(without_code(page)))
    assert {name for name in named if name not in migrations} == set()


def is_file(name: str) -> bool:
    """Whether a file or folder of the repository has a path that ends so."""
    if (ROOT / name).exists():
        return True
    return any(path.match(name) for folder in (PACKAGE, TESTS) for path in folder.rglob(Path(name).name))


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = HEADING.findall(without_code(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text())


def as_text(default: Any) -> str:
    """A default as the page writes it: nothing for an empty one, no fraction for an integer."""
    if default is None or default == () or default == {}:
        return ""
    if isinstance(default, str):
        return default
    return json.dumps(int(default) if isinstance(default, float) and default.is_integer() else default)
