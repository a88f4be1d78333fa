"""E-mail addresses in the one form by which a person is known."""

import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email

from services.core.problems import DomainError, InvalidInput
from services.core.text import visible

MAX_EMAIL_LENGTH = 254
_RULES: Any = {"allow_smtputf8": False, "check_deliverability": False, "strict": True}


def parse_email(text: str, *path: str) -> str:
    """Return an e-mail address in lower case, its domain in ASCII (IDNA 2008).

    Spaces around it and invisible marks are left out, full width is that of ASCII. Quoted names,
    display names, addresses of numbers and non-ASCII names, which few servers deliver to, are
    refused.
    Raises DomainError: InvalidInput.
    """
    address = read_email(text)
    if address is None:
        message = "That is not an e-mail address."
        raise DomainError(InvalidInput(path=list(path), message=message))
    return address


def read_email(text: str) -> str | None:
    """Return the address in a text in its one form; None if it is none."""
    if len(text) > 2 * MAX_EMAIL_LENGTH:
        return None
    try:
        plain = visible(unicodedata.normalize("NFKC", text)).strip()
        found = validate_email(plain, **_RULES)
    except EmailNotValidError:
        return None
    return (found.ascii_email or "").lower() or None


def comparable_email(text: str) -> str:
    """Return the one form of an address, and of any other text something that no account has."""
    return read_email(text) or text[:MAX_EMAIL_LENGTH].replace("\0", "").strip().lower()
