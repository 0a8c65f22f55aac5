"""Both kinds of sample, generated once."""

import pytest

from coaching_assets.demo.sample import Sample, generate


@pytest.fixture(scope="session")
def strings() -> Sample:
    return generate()


@pytest.fixture(scope="session")
def typed() -> Sample:
    return generate(connector="typed")
