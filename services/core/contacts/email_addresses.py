"""E-mail addresses in the one form by which a person is known."""

import unicodedata
from enum import Enum
from typing import Any

from email_validator import EmailNotValidError, validate_email

from services.core.problems import DomainError, InvalidInput
from services.core.text import visible

MAX_EMAIL_LENGTH = 254
SPECIAL_USE_DOMAINS = frozenset(
    {"alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local",
     "localdomain", "localhost", "mail", "onion", "private", "test"}
)  # fmt: skip
"""Top-level domains that are reserved (RFC 2606, 6761, 6762, 7686 and 9476, ICANN's `internal`) or
that networks use for themselves (RFC 6762, appendix G): no mail of the internet reaches them."""
EXAMPLE_DOMAINS = ("example.com", "example.net", "example.org")


class EmailDomains(Enum):
    """Whose mail servers an address may name."""

    ANY = "any"
    """Also those of examples, as the demo's people have: for development."""
    PUBLIC = "public"
    """Those that can get mail."""


_RULES: Any = {"allow_smtputf8": False, "check_deliverability": False, "strict": True}


def parse_email(text: str, *path: str, domains: EmailDomains = EmailDomains.ANY) -> str:
    """Return an e-mail address in lower case, its domain in ASCII (IDNA 2008).

    Spaces around it and invisible marks are left out, full width is that of ASCII. Quoted names,
    display names, addresses of numbers and non-ASCII names, which few servers deliver to, are
    refused, and so are domains for special use, except in development those of examples.
    Raises DomainError: InvalidInput.
    """
    address = read_email(text)
    if address is None:
        message = "That is not an e-mail address."
        raise DomainError(InvalidInput(path=list(path), message=message))
    if domains is EmailDomains.PUBLIC and _is_for_special_use(address):
        message = "No mail reaches that domain: it is reserved for examples or private networks."
        raise DomainError(InvalidInput(path=list(path), message=message))
    return address


def _is_for_special_use(address: str) -> bool:
    domain = address.rpartition("@")[2]
    is_example = any(f".{domain}".endswith(f".{one}") for one in EXAMPLE_DOMAINS)
    return is_example or domain.rpartition(".")[2] in SPECIAL_USE_DOMAINS


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
