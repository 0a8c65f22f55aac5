"""`make test-live`: runs the suite against the Google Cloud project of the environment, if it can run there."""

import os
import sys
from pathlib import Path

import pytest

from coaching_assets_tests.live.requirements import missing_requirement

CANNOT_RUN = 2
"""The exit status if a requirement is missing."""


def main(arguments: list[str]) -> int:
    """Run the suite with these arguments for pytest; its exit status."""
    if sentence := missing_requirement(os.environ):
        print(sentence, file=sys.stderr)
        return CANNOT_RUN
    return pytest.main([str(Path(__file__).parent), "-m", "live", "-s", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
