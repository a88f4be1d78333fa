"""Limits on the values in a document and its variables, whatever argument they are for."""

import re
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, TokenKind

NUMBERS = (TokenKind.INT, TokenKind.FLOAT)
TEXTS = (TokenKind.STRING, TokenKind.BLOCK_STRING)
NUMBER_CHARACTERS = 40
NOT_TEXT = "Text can't contain the character U+0000 or half of a surrogate pair."
_NOT_TEXT = re.compile("[\\0\\ud800-\\udfff]").search


def check_literals(document: DocumentNode) -> None:
    """Raise a `GraphQLError` for a literal that no argument takes.

    That is a number longer than any that fits (Python refuses to convert more than 4,300 digits,
    and such an error would look like our own), or text that a database can't store.
    """
    token = document.loc.start_token if document.loc is not None else None
    while token is not None:
        if token.kind in NUMBERS and len(token.value or "") > NUMBER_CHARACTERS:
            raise GraphQLError(f"A number has at most {NUMBER_CHARACTERS} characters.")
        if token.kind in TEXTS and _NOT_TEXT(token.value or ""):
            raise GraphQLError(NOT_TEXT)
        token = token.next


def has_only_text(variables: dict[str, Any]) -> bool:
    """Whether all text in the variables, however deep, can be stored; keys of objects as well."""
    try:
        # Much quicker than looking at each value; it refuses half of a pair by itself.
        if b"\\u0000" not in orjson.dumps(variables):
            return True
    except TypeError:
        pass
    found: list[Any] = [variables]
    for value in found:
        kind = type(value)
        if kind is str:
            if _NOT_TEXT(value):
                return False
        elif kind is dict:
            found.extend(value)
            found.extend(value.values())
        elif kind is list:
            found.extend(value)
    return True
