"""Device tokens: proof that somebody has signed in on this device before.

A token names a random device and holds keyed hashes of the phones and e-mail addresses that were
signed in on it, the newest first, under a keyed signature. It opens nothing: it lets its owner pass
the limits that strangers can use up. Clients keep the newest one for good and send it in the header
`Device-Token`.
"""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from services.identity.credentials import CredentialSigner

PREFIX = "dev1."
ID_BYTES = 16
CONTACT_BYTES = 12
SIGNATURE_BYTES = 16
MAX_CONTACTS = 8
MAX_TOKEN_CHARS = 300
SIGNATURE_PURPOSE = "device-token"
CONTACT_PURPOSE = "device-contact"


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and the keyed hashes of the contacts that were signed in on it."""

    id: bytes
    contacts: tuple[bytes, ...] = ()

    def knows(self, signer: CredentialSigner, contact: str) -> bool:
        """Whether the owner of a phone or e-mail address has signed in on this device."""
        return _contact_hash(signer, contact) in self.contacts


def read_device(signer: CredentialSigner, token: str | None) -> Device | None:
    """Return the device of a token; None without one, or for one that we did not sign."""
    if token is None or len(token) > MAX_TOKEN_CHARS or not token.startswith(PREFIX):
        return None
    try:
        content = urlsafe_b64decode(token[len(PREFIX) :].encode("ascii") + b"==")
    except (ValueError, binascii.Error):
        return None
    payload, signature = content[:-SIGNATURE_BYTES], content[-SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(signer, payload)):
        return None
    hashes = payload[ID_BYTES:]
    starts = range(0, len(hashes), CONTACT_BYTES)
    return Device(payload[:ID_BYTES], tuple(hashes[i : i + CONTACT_BYTES] for i in starts))


def issue_device_token(
    signer: CredentialSigner, device: Device | None, contacts: Iterable[str | None]
) -> str:
    """Return the token of a device on which these contacts are signed in; a new one by default."""
    device = device or Device(secrets.token_bytes(ID_BYTES))
    new = [_contact_hash(signer, contact) for contact in contacts if contact]
    hashes = [*dict.fromkeys([*new, *device.contacts])][:MAX_CONTACTS]
    payload = device.id + b"".join(hashes)
    content = payload + _signature(signer, payload)
    return PREFIX + urlsafe_b64encode(content).rstrip(b"=").decode()


def _contact_hash(signer: CredentialSigner, contact: str) -> bytes:
    """The keyed hash of a phone, or of an e-mail address in any case."""
    return signer.keyed_hash(CONTACT_PURPOSE, contact.strip().lower())[:CONTACT_BYTES]


def _signature(signer: CredentialSigner, payload: bytes) -> bytes:
    return signer.keyed_hash(SIGNATURE_PURPOSE, payload.hex())[:SIGNATURE_BYTES]
