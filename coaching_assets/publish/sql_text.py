"""SQL as text: without comments, and in a form that does not depend on the layout."""

import re
from functools import cache

BETWEEN = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|(?:--[^\n]*|/\*.*?\*/|\s)+", re.DOTALL)
"""A quoted text or name, or else comments and white space."""

TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\w+|[^\w\s]", re.DOTALL)


@cache
def without_comments(statement: str) -> str:
    """Return a statement with comments and white space replaced by one space; quoted texts stay as they are."""
    return BETWEEN.sub(lambda match: match[1] or " ", statement).strip()


def normalized(statement: str) -> str:
    """Return the tokens of a statement with one space between them."""
    return " ".join(TOKEN.findall(without_comments(statement)))
