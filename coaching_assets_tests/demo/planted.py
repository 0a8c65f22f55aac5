"""Checks of a sample's rows that several tests share."""

from coaching_assets.demo.sample import PLANTED
from coaching_assets.demo.sample.values import Row


def gone(row: Row) -> bool:
    return bool(row.get("_fivetran_deleted") or row.get("is_deleted"))


def assert_planted(number: int, sort: str) -> None:
    assert number >= PLANTED[sort], sort
    assert number >= 2, sort
