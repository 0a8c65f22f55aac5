"""Names of a library that the product uses although they are not documented, and what it expects of them."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import pytest

import coaching_assets

PACKAGE = Path(coaching_assets.__file__).parent


class Promise(NamedTuple):
    """One undocumented name."""

    name: str
    """`module:attribute`, or `module:Class.method`."""
    used_by: str
    """The module of the product, and how it uses the name."""
    remedy: str
    parameters: tuple[str, ...] | None = None
    """The parameters that a function must have, first ones first; None for anything but a function."""

    @property
    def imported(self) -> str:
        """The part of the name that an import statement names."""
        module, _, attribute = self.name.partition(":")
        return f"{module}:{attribute.partition('.')[0]}"


def expect(condition: object, library: str, expected: str, used_by: str, remedy: str) -> None:
    """Fail with the library's version, the broken expectation, its place in the product and the remedy."""
    if not condition:
        pytest.fail(f"{library} {version(library)}: {expected}. {used_by}. {remedy}", pytrace=False)


def check(promise: Promise, library: str) -> None:
    """Check that the name exists and has the expected parameters."""
    try:
        found = resolve_name(promise.name)
    except (ImportError, AttributeError):
        found = None
    expect(found is not None, library, f"{promise.name} is gone", promise.used_by, promise.remedy)
    if promise.parameters is not None:
        present = tuple(inspect.signature(found).parameters)
        expected = f"{promise.name} takes {', '.join(present)} instead of {', '.join(promise.parameters)}"
        starts_alike = present[: len(promise.parameters)] == promise.parameters
        expect(starts_alike, library, expected, promise.used_by, promise.remedy)


def check_complete(promises: tuple[Promise, ...], private: str) -> None:
    """Check that the product imports exactly the listed names from modules that match a regular expression."""
    listed = {promise.imported for promise in promises}
    for imported, path in _imports(private):
        if imported not in listed:
            pytest.fail(f"{path.relative_to(PACKAGE)} imports {imported}. List it here, with a remedy.", pytrace=False)
    unused = listed - {imported for imported, _ in _imports(private)}
    assert not unused, f"Nothing imports {', '.join(sorted(unused))} any more. Remove it from the list."


def _imports(private: str) -> Iterator[tuple[str, Path]]:
    for path in PACKAGE.rglob("*.py"):
        if "demo" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and re.fullmatch(private, node.module):
                yield from ((f"{node.module}:{alias.name}", path) for alias in node.names)
