"""Access tokens: short-lived EdDSA JWTs, and the file of keys that signs them.

The file holds three generations: the key that signs, the one that will sign next (published
ahead, so that nobody who caches the key set meets a stranger) and those that signed before, until
the last of their tokens is over.
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

ACCESS_SECONDS = 600
LEEWAY_SECONDS = 5
# Running servers sign with a retired key until they have looked at the file, and outsiders cache
# the key set for minutes.
KEPT_SECONDS = ACCESS_SECONDS + LEEWAY_SECONDS + 300
RETIRED_KEYS = 8
TOKEN_MAX_CHARS = 8192
ISSUER = "darkstore"
AUDIENCE = "darkstore-graph"
ALGORITHM = "EdDSA"
SEED_BYTES = 32
TOKENS = {scope.token: scope for scope in AppScope}
NEEDED = ["exp", "iat", "sub", "sid", "iss", "aud"]


class TooManyKeys(Exception):
    """More keys are kept for verifying than anybody needs."""


class BadToken(Exception):
    """The access token can't be trusted; the message may be shown."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says: who, and until when (Unix seconds)."""

    actor: Actor
    expires_at: float


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One Ed25519 key pair under its name."""

    kid: str
    private: Ed25519PrivateKey
    retired_at: float | None = None
    """The Unix time from which on it signs no more."""

    def needed(self, now: float) -> bool:
        """Whether a token that it signed may still be good."""
        return self.retired_at is None or now < self.retired_at + KEPT_SECONDS

    def jwk(self) -> dict[str, str]:
        """The public half as RFC 8037 writes it."""
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
    """The keys of one installation: the first signs, all verify; `secret` is for HMACs."""

    keys: tuple[SigningKey, ...]
    secret: bytes

    def sign(self, actor: Actor, now: float | None = None) -> tuple[str, float]:
        """A token for ten minutes, and the Unix time at which it ends."""
        issued = int(time.time() if now is None else now)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + ACCESS_SECONDS,
            "sub": str(actor.person_id),
            "sid": str(actor.session_id),
            "grants": [_written(grant) for grant in actor.grants],
        }
        if actor.app_id is not None:
            claims["client_id"] = str(actor.app_id)
            claims["scope"] = " ".join(sorted(scope.token for scope in actor.scopes))
        key = self.keys[0]
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
        return token, float(claims["exp"])

    def knows(self, token: str) -> bool:
        """Whether the token names one of these keys."""
        return _kid(token) in {key.kid for key in self.keys}

    def read(self, token: str) -> Claims:
        """What a token says; raises BadToken when it is malformed, forged or over."""
        kid = _kid(token)
        key = next((key for key in self.keys if key.kid == kid), None)
        if key is None:
            raise BadToken("The access token is not one of ours.")
        try:
            claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options={"require": NEEDED},
            )
            return Claims(_actor(claims), float(claims["exp"]))
        except jwt.ExpiredSignatureError:
            raise BadToken("The access token has expired: refresh the session.") from None
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise BadToken("The access token is not valid.") from None

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        now = time.time()
        return {"keys": [key.jwk() for key in self.keys if key.needed(now)]}


def load_keys(file: Path) -> KeyRing:
    """The keys in `file`, which is made when it is missing; processes may race to make it."""
    if not file.exists():
        made = {"keys": [_new_key(), _new_key()], "secret": secrets.token_urlsafe(SEED_BYTES)}
        _write(file, made, replace=False)
    return _ring(orjson.loads(file.read_bytes()))


def written_at(file: Path) -> int:
    """When the file was written last, in nanoseconds; 0 while it is not there."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def rotate_keys(file: Path) -> None:
    """Let the next key sign, and announce a new next; retired ones stay while they are needed.

    Servers take it over within seconds. Raises TooManyKeys when it is done again and again.
    """
    load_keys(file)
    stored, now = orjson.loads(file.read_bytes()), time.time()
    current, following, *retired = stored["keys"]
    kept = [one for one in retired if now < one.get("retired_at", 0) + KEPT_SECONDS]
    if len(kept) >= RETIRED_KEYS:
        raise TooManyKeys(f"{len(kept)} keys were retired lately: wait until they are forgotten.")
    keys = [following, _new_key(), {**current, "retired_at": now}, *kept]
    _write(file, {**stored, "keys": keys}, replace=True)


def _write(file: Path, content: dict[str, Any], *, replace: bool) -> None:
    """Put the whole file in place at once, readable by its owner alone."""
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
        pass  # another process made it first, and theirs counts
    finally:
        draft.unlink(missing_ok=True)


def _new_key() -> dict[str, str]:
    return {"kid": secrets.token_hex(8), "seed": _text(secrets.token_bytes(SEED_BYTES))}


def _ring(stored: dict[str, Any]) -> KeyRing:
    keys = tuple(
        SigningKey(
            one["kid"],
            Ed25519PrivateKey.from_private_bytes(_bytes(one["seed"])),
            one.get("retired_at"),
        )
        for one in stored["keys"]
    )
    return KeyRing(keys, _bytes(stored["secret"]))


def _kid(token: str) -> str | None:
    if len(token) > TOKEN_MAX_CHARS:
        raise BadToken("The access token is too long.")
    try:
        found = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError):
        raise BadToken("The access token is malformed.") from None
    return found if isinstance(found, str) else None


def _written(grant: Grant) -> list[str | None]:
    company, store = grant.company_id, grant.store_id
    return [grant.role, str(company) if company else None, str(store) if store else None]


def _actor(claims: dict[str, Any]) -> Actor:
    grants = tuple(
        Grant(Role(role), UUID(company) if company else None, UUID(store) if store else None)
        for role, company, store in claims["grants"]
    )
    app = claims.get("client_id")
    given = frozenset(TOKENS[token] for token in claims.get("scope", "").split())
    return Actor(
        UUID(claims["sub"]), UUID(claims["sid"]), grants, UUID(app) if app else None, given
    )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
