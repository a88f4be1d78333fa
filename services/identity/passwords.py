"""Password hashing with argon2id; `PasswordQueue` runs it in threads."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.core.text import visible

MEMORY_KIB = 19_456
TIME_COST = 2
PARALLELISM = 1
MAX_PASSWORD_LENGTH = 128

_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


def normalize_password(text: str) -> str:
    """Return the form (NFKC) that keyboards of all systems agree on: `é` may be one sign or two.

    NIST SP 800-63B, 5.1.1.2. A mark that cannot be seen, such as one of the clipboard, is no part
    of a password.
    """
    return unicodedata.normalize("NFKC", visible(text))


def _accepted_forms(text: str) -> list[str]:
    """The forms of a typed password of which a hash may be stored, today's first."""
    return list(
        dict.fromkeys((normalize_password(text), unicodedata.normalize("NFKC", text), text))
    )


def hash_password(text: str) -> str:
    """Return the argon2id hash of a password, with a random salt, as a PHC string."""
    return _HASHER.hash(normalize_password(text))


def verify_password(stored: str, text: str) -> bool:
    """Return whether the password matches a stored hash; takes tens of milliseconds.

    A hash that was made before passwords were normalized matches the text as it was typed.
    """
    return any(_matches(stored, form) for form in _accepted_forms(text))


def needs_rehash(stored: str, text: str) -> bool:
    """Return whether a hash that matches should be made again: of the normalized form, or with
    the present parameters. Computes a hash only for a text that is not normalized."""
    normalized = normalize_password(text)
    outdated = normalized != text and not _matches(stored, normalized)
    return outdated or _HASHER.check_needs_rehash(stored)


def may_need_rehash(stored: str, text: str) -> bool:
    """Return False if `needs_rehash` is False for sure; computes no hash."""
    return normalize_password(text) != text or _HASHER.check_needs_rehash(stored)


def _matches(stored: str, text: str) -> bool:
    try:
        return _HASHER.verify(stored, text)
    except (VerificationError, InvalidHashError):
        return False
