"""Text that people send: trimmed, bounded, and free of characters that no database keeps."""

import unicodedata

from services.core.problems import InvalidInput, Refused

LINE_LENGTH = 200
MAIL_LENGTH = 254


def line(text: str, *path: str, most: int = LINE_LENGTH, least: int = 0) -> str:
    """One line of text without spaces around it; refused outside of `least` to `most` characters.

    Control characters (a NUL among them) and halves of surrogate pairs are refused too.
    """
    clean = text.strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in clean):
        raise _refused(path, "Only printable text on one line fits here.")
    if not least <= len(clean) <= most:
        raise _refused(path, f"This is from {least} to {most} characters long.")
    return clean


def prose(text: str, *path: str, most: int, least: int = 0) -> str:
    """Text of several lines, within the same bounds as `line`; line breaks and tabs may stay."""
    clean = text.replace("\r\n", "\n").strip()
    line(clean.replace("\n", " ").replace("\t", " "), *path, most=most, least=least)
    return clean


def _refused(path: tuple[str, ...], message: str) -> Refused:
    return Refused(InvalidInput(path=list(path), message=message))


def mail_address(text: str, *path: str) -> str:
    """An e-mail address in small letters; refused when it can't be one."""
    plain = line(text, *path, most=MAIL_LENGTH, least=3).lower()
    name, at, domain = plain.rpartition("@")
    if not name or not at or "." not in domain or " " in plain:
        raise _refused(path, "That is not an e-mail address.")
    return plain
