"""What services need of the keys that sign tokens and hash secrets."""

from typing import Protocol

from models.identity import Actor


class CredentialSigner(Protocol):
    """Signs access tokens and hashes secrets with the keys of the process."""

    def sign(self, actor: Actor, ends: float | None = None) -> tuple[str, float]:
        """An access token for `actor`, and the Unix time in seconds at which it expires."""

    def mark(self, purpose: str, *parts: str) -> bytes:
        """A keyed hash (HMAC-SHA256) of some text, separate for each purpose."""
