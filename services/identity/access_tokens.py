"""Access tokens: short-lived EdDSA JWTs, and the file of keys that signs them.

The file holds three generations of keys: the current one signs, the next one is published ahead
so that clients with a cached key set already have it, and retired ones verify until their last
token has expired.
"""

import os
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.identity import Actor, AppScope, Grant, Role
from models.message_text import count_text

ACCESS_TOKEN_SECONDS = 600
# How far the clocks of two servers may be apart, twice over: one ahead, the other behind.
LEEWAY_SECONDS = 60
# Running servers sign with a retired key until they reload the file, and clients cache the key set
# for minutes.
RETIRED_KEY_SECONDS = ACCESS_TOKEN_SECONDS + LEEWAY_SECONDS + 300
MAX_RETIRED_KEYS = 8
MAX_TOKEN_CHARS = 8192
ISSUER = "darkstore"
AUDIENCE = "darkstore-graph"
ALGORITHM = "EdDSA"
SEED_BYTES = 32
SCOPES_BY_TOKEN = {scope.token: scope for scope in AppScope}
REQUIRED_CLAIMS = ["exp", "iat", "sub", "sid", "iss", "aud"]


class TooManyKeys(Exception):
    """Too many retired keys still verify; keys were rotated too often."""


class KeysFileInvalid(ValueError):
    """The file of keys holds something else."""


class InvalidAccessToken(Exception):
    """The access token is not valid; the message may be shown to the client."""


class EndedAccessToken(InvalidAccessToken):
    """We issued the token or key, and it will never be valid again."""


class ExpiredAccessToken(EndedAccessToken):
    """We signed the access token, and it has expired."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The actor of a valid token and its expiry (Unix seconds)."""

    actor: Actor
    expires_at: float

    @property
    def accepted_until(self) -> float:
        """The Unix time, by the clock of this server, until which it accepts the token."""
        return self.expires_at + LEEWAY_SECONDS


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair and its key id."""

    kid: str
    private: Ed25519PrivateKey
    retired_at: float | None = None
    """The Unix time when it stopped signing; None while it signs."""

    def may_verify(self, now: float) -> bool:
        """Return whether tokens signed with this key may still be valid."""
        return self.retired_at is None or now < self.retired_at + RETIRED_KEY_SECONDS

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK (RFC 8037)."""
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _text(raw),
            "kid": self.kid,
            "use": "sig",
            "alg": ALGORITHM,
        }


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of an installation: the first signs, all verify; `secret` is for HMACs."""

    keys: tuple[SigningKey, ...]
    secret: bytes

    def sign(self, actor: Actor, now: float | None = None) -> tuple[str, float]:
        """Return a token that is valid for ten minutes, and its expiry as Unix time."""
        issued_at = int(time.time() if now is None else now)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued_at,
            "exp": issued_at + ACCESS_TOKEN_SECONDS,
            "sub": str(actor.person_id),
            "sid": str(actor.session_id),
            "grants": [_grant_claim(grant) for grant in actor.grants],
        }
        if actor.is_guest:
            claims["guest"] = True
        if actor.app_id is not None:
            claims["client_id"] = str(actor.app_id)
            claims["scope"] = " ".join(sorted(scope.token for scope in actor.scopes))
        key = self.keys[0]
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
        return token, float(claims["exp"])

    def has_key_of(self, token: str) -> bool:
        """Return whether the token's key id is one of these keys."""
        return _kid(token) in {key.kid for key in self.keys}

    def verify(self, token: str) -> TokenClaims:
        """Return the claims. Raises InvalidAccessToken if malformed, forged or expired."""
        kid = _kid(token)
        key = next((key for key in self.keys if key.kid == kid), None)
        if key is None:
            raise InvalidAccessToken("The access token is not one of ours.")
        try:
            claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED_CLAIMS},
            )
            return TokenClaims(_actor(claims), float(claims["exp"]))
        except jwt.ExpiredSignatureError:
            raise ExpiredAccessToken("The access token has expired: refresh the session.") from None
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise InvalidAccessToken("The access token is not valid.") from None

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        now = time.time()
        return {"keys": [key.jwk() for key in self.keys if key.may_verify(now)]}


def load_keys(file: Path) -> KeyRing:
    """Load the keys from the file; create it if missing, safely for concurrent processes.

    Raises KeysFileInvalid, or OSError for a file that can't be read or made.
    """
    if not file.exists():
        content = {"keys": [_new_key(), _new_key()], "secret": secrets.token_urlsafe(SEED_BYTES)}
        _write(file, content, replace=False)
    try:
        return _ring(orjson.loads(file.read_bytes()))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise KeysFileInvalid(f"{file} holds no keys of ours.") from error


def modified_at_ns(file: Path) -> int:
    """Return the file's modification time in nanoseconds; 0 if it does not exist."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def rotate_keys(file: Path) -> None:
    """Make the next key the signing key and create a new next one; keep retired keys while needed.

    Running servers reload the file within seconds. Raises TooManyKeys.
    """
    load_keys(file)
    stored, now = orjson.loads(file.read_bytes()), time.time()
    current, following, *retired = stored["keys"]
    still_needed = [key for key in retired if now < key.get("retired_at", 0) + RETIRED_KEY_SECONDS]
    if len(still_needed) >= MAX_RETIRED_KEYS:
        count = count_text(len(still_needed), "retired key")
        raise TooManyKeys(f"There can't be more than {count}: wait until they expire.")
    keys = [following, _new_key(), {**current, "retired_at": now}, *still_needed]
    _write(file, {**stored, "keys": keys}, replace=True)


def _write(file: Path, content: dict[str, Any], *, replace: bool) -> None:
    """Write the file atomically, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(orjson.dumps(content))
        out.flush()
        os.fsync(out.fileno())
    try:
        if replace:
            draft.replace(file)
        elif not file.exists():
            os.link(draft, file)
    except FileExistsError:
        pass  # another process has created it
    finally:
        draft.unlink(missing_ok=True)


def _new_key() -> dict[str, str]:
    return {"kid": secrets.token_hex(8), "seed": _text(secrets.token_bytes(SEED_BYTES))}


def _ring(stored: dict[str, Any]) -> KeyRing:
    keys = tuple(
        SigningKey(
            key["kid"],
            Ed25519PrivateKey.from_private_bytes(_bytes(key["seed"])),
            key.get("retired_at"),
        )
        for key in stored["keys"]
    )
    return KeyRing(keys, _bytes(stored["secret"]))


def _kid(token: str) -> str | None:
    if len(token) > MAX_TOKEN_CHARS:
        raise InvalidAccessToken("The access token is too long.")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError):
        raise InvalidAccessToken("The access token is malformed.") from None
    return kid if isinstance(kid, str) else None


def _grant_claim(grant: Grant) -> list[str | None]:
    company, store = grant.company_id, grant.store_id
    return [grant.role, str(company) if company else None, str(store) if store else None]


def _actor(claims: dict[str, Any]) -> Actor:
    grants = tuple(
        Grant(Role(role), UUID(company) if company else None, UUID(store) if store else None)
        for role, company, store in claims["grants"]
    )
    app = claims.get("client_id")
    scopes = frozenset(SCOPES_BY_TOKEN[token] for token in claims.get("scope", "").split())
    return Actor(
        UUID(claims["sub"]),
        UUID(claims["sid"]),
        grants,
        UUID(app) if app else None,
        scopes,
        is_guest=claims.get("guest") is True,
    )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
