"""The start of a process: garbage is collected once it is over, also where it was never postponed."""

import gc
from collections.abc import Iterator

import pytest

from coaching_assets.startup import begin_collection, postponed_collection


@pytest.fixture(autouse=True)
def collection() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_was_there_at_the_end_of_the_start_is_left_alone() -> None:
    with postponed_collection():
        assert not gc.isenabled()
        begin_collection()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0


def test_a_start_that_fails_does_not_leave_it_postponed() -> None:
    with pytest.raises(KeyError), postponed_collection():
        raise KeyError
    assert gc.isenabled()


def test_a_process_that_did_not_postpone_is_left_as_it_is() -> None:
    begin_collection()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
