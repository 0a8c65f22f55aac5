"""Links from an asset in Dagster's UI to the files that define it."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dagster import BetaWarning, CodeReferencesMetadataValue, LocalFileCodeReference, UrlCodeReference

import coaching_assets

PACKAGE = Path(coaching_assets.__file__).parent


def code_references(files: Iterable[Path]) -> dict[str, Any]:
    """The metadata that makes Dagster's UI link to the first line of each file, labelled with its name."""
    with warnings.catch_warnings():
        # the links are marked as beta; a warning per asset at every start helps nobody
        warnings.simplefilter("ignore", BetaWarning)
        references: list[LocalFileCodeReference | UrlCodeReference] = [
            LocalFileCodeReference(file_path=str(file), line_number=1, label=file.name) for file in files
        ]
        return {"dagster/code_references": CodeReferencesMetadataValue(code_references=references)}
