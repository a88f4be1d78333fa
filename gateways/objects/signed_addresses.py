"""Signs the addresses at which our own server takes and sends files, and checks them.

A signature (HMAC-SHA-256) covers the method, the key, type, size and name of the file, and the time
until which the address is valid: no part of an address can be changed.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

UPLOAD_METHOD = "PUT"
DOWNLOAD_METHOD = "GET"
SECRET_BYTES = 32
SIGNATURE = "signature"
FIELDS = ("key", "type", "size", "name", "expires")
"""What an address says besides its signature, in the order in which it is signed."""


class AddressRefused(Exception):
    """The address was not signed by us for this method, was changed, or is too old."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """The file that an address is for. `size_bytes` is 0 and `name` the file's for a download."""

    key: str
    content_type: str
    size_bytes: int = 0
    name: str = ""


class AddressSigner:
    """Signs by a secret in a file, which all processes of an installation share."""

    def __init__(self, secret_file: Path) -> None:
        self._secret_file = secret_file
        self._secret: bytes | None = None

    def sign(self, method: str, file: SignedFile, expires_at: int) -> str:
        """The query of an address that is valid until a time, in seconds since 1970."""
        values = (file.key, file.content_type, str(file.size_bytes), file.name, str(expires_at))
        signature = self._signature(method, values)
        return urlencode([*zip(FIELDS, values, strict=True), (SIGNATURE, signature)])

    def check(self, method: str, query: Mapping[str, str], now: float) -> SignedFile:
        """The file that the query of a request is for. Raises AddressRefused."""
        values = tuple(query.get(name, "") for name in FIELDS)
        expected = self._signature(method, values).encode()
        if not hmac.compare_digest(expected, query.get(SIGNATURE, "").encode()):
            raise AddressRefused("This address is not signed by this server, or was changed.")
        key, content_type, size, name, expires = values
        if int(expires) <= now:
            raise AddressRefused("This address is not valid any more: ask for another one.")
        return SignedFile(key, content_type, int(size), name)

    def _signature(self, method: str, values: tuple[str, ...]) -> str:
        # Lengths in front, so that no two lists of values are signed as the same text.
        text = "".join(f"{len(one)}:{one}" for one in (method, *values))
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        if self._secret is None:
            self._secret = _load_secret(self._secret_file)
        return self._secret


def _load_secret(path: Path) -> bytes:
    """Read the secret; the first process makes it, and no other reads a half of it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        try:
            os.link(draft, path)  # fails if another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
