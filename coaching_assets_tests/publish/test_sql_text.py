"""Comments and layout of SQL do not count, quoted texts do."""

import pytest

from coaching_assets.publish.sql_text import normalized, without_comments

SAME = {
    "comments": ("select 1 -- one\n, 2", "select 1, /* two,\n or so */ 2"),
    "layout": ("select\n    f(\n        a\n    ),\n    b", "select f(a), b"),
    "a comment alone in its line": ("select 1\n-- why\nfrom a", "select 1 from a"),
}

DIFFERENT = {
    "quoted white space": ("select 'a  b'", "select 'a b'"),
    "a quoted comment": ("select '-- a'", "select '-- b'"),
    "a quote in a text": ("select 'it''s -- a'", "select 'it''s -- b'"),
    "a quoted name": ('select "a  b"', 'select "a b"'),
    "a word": ("select a", "select b"),
    "words that are joined": ("select a b", "select ab"),
}


@pytest.mark.parametrize(("left", "right"), SAME.values(), ids=SAME.keys())
def test_the_same_statement(left: str, right: str) -> None:
    assert normalized(left) == normalized(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_statements(left: str, right: str) -> None:
    assert normalized(left) != normalized(right)


def test_comments_are_taken_out_and_nothing_else() -> None:
    assert without_comments("-- The rows.\nselect  a--b\n, '--' /* c */") == "select a , '--'"
