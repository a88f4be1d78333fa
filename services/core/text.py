"""Validates text that clients send: trims it, bounds its length, refuses control characters."""

import unicodedata

from services.core.problems import DomainError, InvalidInput

MAX_LINE_LENGTH = 200
MAX_EMAIL_LENGTH = 254


def parse_line(
    text: str, *path: str, max_length: int = MAX_LINE_LENGTH, min_length: int = 0
) -> str:
    """Return one line of text, trimmed.

    Raises DomainError: InvalidInput for a length outside `min_length` to `max_length` characters,
    for control characters (NUL among them) and for lone surrogates.
    """
    trimmed = text.strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in trimmed):
        raise _invalid(path, "Only printable text on one line fits here.")
    if not min_length <= len(trimmed) <= max_length:
        raise _invalid(path, f"This is from {min_length} to {max_length} characters long.")
    return trimmed


def parse_multiline(text: str, *path: str, max_length: int, min_length: int = 0) -> str:
    """Like `parse_line`, for text of several lines: line breaks and tabs are allowed."""
    trimmed = text.replace("\r\n", "\n").strip()
    parse_line(
        trimmed.replace("\n", " ").replace("\t", " "),
        *path,
        max_length=max_length,
        min_length=min_length,
    )
    return trimmed


def parse_email(text: str, *path: str) -> str:
    """Return an e-mail address in lower case. Raises DomainError: InvalidInput."""
    address = parse_line(text, *path, max_length=MAX_EMAIL_LENGTH, min_length=3).lower()
    name, separator, domain = address.rpartition("@")
    if not name or not separator or "." not in domain or " " in address:
        raise _invalid(path, "That is not an e-mail address.")
    return address


def _invalid(path: tuple[str, ...], message: str) -> DomainError:
    return DomainError(InvalidInput(path=list(path), message=message))


def storable_text(message: str, max_length: int) -> str:
    """The beginning of a message of another system, without what PostgreSQL's text can't hold."""
    text = message[:max_length].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode(errors="replace").decode()
