"""Secrets of apps; only their hashes are stored.

A secret is `dk_live_` (API keys) or `dk_oauth_` (client secrets), 43 characters for 256 random
bits, and a checksum of six characters, with which secret scanners avoid false positives. The hash
is a plain SHA-256: slow hashes protect guessable passwords, not 256 random bits.
"""

import re
import secrets
import zlib
from hashlib import sha256

from models.integrations import AppSecretKind

PREFIXES = {AppSecretKind.API_KEY: "dk_live_", AppSecretKind.CLIENT_SECRET: "dk_oauth_"}
SECRET_BYTES = 32
CHECKSUM_LENGTH = 6
HINT_LENGTH = 4
SECRET_PATTERN = re.compile(r"dk_(?:live|oauth)_[A-Za-z0-9_-]{43}[0-9a-zA-Z]{6}")
BASE62_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def generate(kind: AppSecretKind) -> str:
    """Return a new secret of this kind."""
    body = PREFIXES[kind] + secrets.token_urlsafe(SECRET_BYTES)
    return body + checksum(body)


def checksum(body: str) -> str:
    """Return the CRC-32 of a secret without its checksum, as six base-62 digits."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(BASE62_DIGITS))
        digits = BASE62_DIGITS[digit] + digits
    return digits


def is_well_formed(text: str) -> bool:
    """Return whether a text has the format and checksum of a secret."""
    return (
        SECRET_PATTERN.fullmatch(text) is not None
        and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]
    )


def hash_secret(text: str) -> bytes:
    """Return the SHA-256 hash of a secret, as it is stored."""
    return sha256(text.encode(errors="replace")).digest()


def hint(text: str) -> str:
    """Return the prefix and the last four characters of a secret, for display."""
    prefix = next(prefix for prefix in PREFIXES.values() if text.startswith(prefix))
    return f"{prefix}…{text[-HINT_LENGTH:]}"
