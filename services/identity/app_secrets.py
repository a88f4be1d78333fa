"""What apps prove themselves with: texts that scanners recognize, of which only a hash is kept.

`dk_live_` (API keys) or `dk_oauth_` (client secrets), 43 characters of 256 random bits, and six of
a checksum, by which a scanner tells a secret from a text that only looks like one. The hash is
a plain SHA-256: a slow hash protects words that people choose, and nobody guesses 256 bits.
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
SHAPE = re.compile(r"dk_(?:live|oauth)_[A-Za-z0-9_-]{43}[0-9a-zA-Z]{6}")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def made(kind: AppSecretKind) -> str:
    """A new secret of this kind."""
    body = PREFIXES[kind] + secrets.token_urlsafe(SECRET_BYTES)
    return body + checksum(body)


def checksum(body: str) -> str:
    """The CRC-32 of a secret without its end, in six digits of base 62."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def sound(text: str) -> bool:
    """Whether a text can be a secret of ours; told without asking the database."""
    return (
        SHAPE.fullmatch(text) is not None
        and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]
    )


def hashed(text: str) -> bytes:
    """What is kept of a secret."""
    return sha256(text.encode(errors="replace")).digest()


def hint(text: str) -> str:
    """Enough of a secret to tell it from others: its prefix and its last four characters."""
    kind = next(prefix for prefix in PREFIXES.values() if text.startswith(prefix))
    return f"{kind}…{text[-HINT_LENGTH:]}"
