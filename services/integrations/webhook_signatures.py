"""Signatures after Standard Webhooks 1.0 (symmetric, `v1`), under secrets that nobody stores.

An endpoint's secret is an HMAC of its key and a nonce under the installation's secret: a thief of
the database has nothing to sign with, and rotating is choosing another nonce.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from models.integrations import WebhookEndpoint
from services.identity.credentials import CredentialSigner

PURPOSE = "webhook"
SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
NONCE_BYTES = 18


def nonce() -> str:
    """What makes a secret differ from the one before."""
    return secrets.token_urlsafe(NONCE_BYTES)


def secret_of(identity: CredentialSigner, endpoint: WebhookEndpoint) -> str:
    """The secret that signs now, as the endpoint's owner keeps it: `whsec_` and base 64."""
    return _secret(identity, endpoint, endpoint.nonce)


def secrets_of(identity: CredentialSigner, endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The secret, and the one before it while its time lasts."""
    live = [endpoint.nonce]
    if endpoint.previous_nonce and endpoint.previous_until and endpoint.previous_until > now:
        live.append(endpoint.previous_nonce)
    return [_secret(identity, endpoint, one) for one in live]


def signed(live: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each live secret."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(one, content)}" for one in live),
    }


def _secret(identity: CredentialSigner, endpoint: WebhookEndpoint, nonce: str) -> str:
    mark = identity.mark(PURPOSE, str(endpoint.id), nonce)
    return SECRET_PREFIX + b64encode(mark).decode()


def _signature(secret: str, content: bytes) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    return b64encode(hmac.digest(key, content, "sha256")).decode()
