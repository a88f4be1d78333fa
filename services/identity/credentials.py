"""The interface for signing tokens and hashing secrets that services depend on."""

from typing import Protocol

from models.identity import Actor


class CredentialSigner(Protocol):
    """Signs access tokens and hashes secrets with the keys of the process."""

    def sign(self, actor: Actor, expires_at: float | None = None) -> tuple[str, float]:
        """Return an access token for the actor and its expiry as Unix time in seconds."""

    def keyed_hash(self, purpose: str, *parts: str) -> bytes:
        """Return a keyed hash (HMAC-SHA256) of texts, different for each purpose."""
