"""Signatures of Standard Webhooks 1.0 (symmetric, `v1`), with derived secrets.

An endpoint's secret is an HMAC of its key and a nonce under the installation's secret. It is not
stored: a copy of the database does not reveal it, and a new nonce rotates it.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from models.integrations import WebhookEndpoint
from services.identity.credentials import CredentialSigner

PURPOSE = "webhook"
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret
NONCE_BYTES = 18


def new_nonce() -> str:
    """A random value from which a new secret is derived."""
    return secrets.token_urlsafe(NONCE_BYTES)


def signing_secret(identity: CredentialSigner, endpoint: WebhookEndpoint) -> str:
    """The current signing secret as its owner receives it: `whsec_` and base64."""
    return _derive_secret(identity, endpoint, endpoint.nonce)


def active_secrets(
    identity: CredentialSigner, endpoint: WebhookEndpoint, now: datetime
) -> list[str]:
    """The current secret, and the previous one during its grace period."""
    nonces = [endpoint.nonce]
    if (
        endpoint.previous_nonce
        and endpoint.previous_secret_expires_at
        and endpoint.previous_secret_expires_at > now
    ):
        nonces.append(endpoint.previous_nonce)
    return [_derive_secret(identity, endpoint, nonce) for nonce in nonces]


def signature_headers(
    active: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of a message, with one signature for each active secret."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in active),
    }


def _derive_secret(identity: CredentialSigner, endpoint: WebhookEndpoint, nonce: str) -> str:
    key = identity.keyed_hash(PURPOSE, str(endpoint.id), nonce)
    return SECRET_PREFIX + b64encode(key).decode()


def _signature(secret: str, content: bytes) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    return b64encode(hmac.digest(key, content, "sha256")).decode()
