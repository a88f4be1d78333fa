"""Keys of links in messages: the id of a row and a signature by the installation's secret.

Nothing has to be stored, so nobody can take a key from the database. Whether a link was used, has
expired or was replaced (`round`) is told by its row.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from services.core.text import parse_key
from services.identity.credentials import CredentialSigner

PURPOSE = "link"
ID_BYTES = 16
SIGNATURE_BYTES = 32
TOKEN_LENGTH = (ID_BYTES + SIGNATURE_BYTES) * 4 // 3


def sign_link(signer: CredentialSigner, topic: str, subject_id: UUID, round: int) -> str:
    """Return the key of a link: 64 URL-safe characters."""
    return urlsafe_b64encode(
        subject_id.bytes + _signature(signer, topic, subject_id, round)
    ).decode()


def subject_of(token: str) -> UUID | None:
    """Return the id in a key, which may be forged; None unless it has the format of one."""
    raw = _decode(token)
    return None if raw is None else UUID(bytes=raw[:ID_BYTES])


def is_signed(
    signer: CredentialSigner, token: str, topic: str, subject_id: UUID, round: int
) -> bool:
    """Return whether a key was made for this row and this round."""
    raw = _decode(token)
    return raw is not None and hmac.compare_digest(
        raw, subject_id.bytes + _signature(signer, topic, subject_id, round)
    )


def _signature(signer: CredentialSigner, topic: str, subject_id: UUID, round: int) -> bytes:
    return signer.keyed_hash(PURPOSE, topic, str(subject_id), str(round))


def _decode(token: str) -> bytes | None:
    token = parse_key(token)
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    try:
        return urlsafe_b64decode(token)
    except ValueError:
        return None
