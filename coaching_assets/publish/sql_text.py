"""SQL as text: without comments, and in a form that layout does not change."""

import re

TOKEN = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|(--[^\n]*|/\*.*?\*/|\s+)", re.DOTALL)
"""A quoted text or name, or else a comment or white space."""


def without_comments(statement: str) -> str:
    """Return a statement with each comment and run of white space as one space; quoted texts stay as they are."""
    return TOKEN.sub(lambda token: token[1] or " ", statement).strip()
