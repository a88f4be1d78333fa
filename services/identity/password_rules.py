"""Which passwords are accepted: long enough, and none of the commonest (NIST SP 800-63B, 5.1.1.2).

There are no rules about kinds of characters: they make passwords harder to remember, not to guess.
"""

import unicodedata
from pathlib import Path

from services.core.problems import DomainError, InvalidInput
from services.identity.passwords import MAX_PASSWORD_LENGTH, normalize_password

MIN_PASSWORD_LENGTH = 10
MIN_DIFFERENT_CHARS = 4
# Of the commonest passwords in published leaks, those that are long enough for the first rule.
COMMON_PASSWORDS = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split()
)


def check_new_password(text: str, *path: str, email: str | None = None) -> None:
    """Raise DomainError: InvalidInput for a password that is not accepted."""
    reason = _refusal(normalize_password(text), email)
    if reason is not None:
        raise DomainError(InvalidInput(path=["input", *path], message=reason))


def _refusal(password: str, email: str | None) -> str | None:
    if len(password) < MIN_PASSWORD_LENGTH:
        return f"A password has at least {MIN_PASSWORD_LENGTH} characters."
    if len(password) > MAX_PASSWORD_LENGTH:
        return f"A password has at most {MAX_PASSWORD_LENGTH} characters."
    if any(unicodedata.category(each) in {"Cc", "Cs"} for each in password):
        return "A password has no control characters."
    guess = password.casefold().strip()
    if guess in COMMON_PASSWORDS or len(set(guess)) < MIN_DIFFERENT_CHARS:
        return "This password is one of the first that are guessed: choose another one."
    if email is not None and guess in (email.casefold(), email.casefold().partition("@")[0]):
        return "A password is not the e-mail address: choose another one."
    return None
