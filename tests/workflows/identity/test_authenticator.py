"""Access tokens: claims, expiry, forged tokens, and key rotation."""

import asyncio
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from uuid import uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from database.sessions import Database
from models.identity import Actor, Grant, Role
from resolvers.context import Container
from services.identity.access_tokens import (
    ACCESS_TOKEN_SECONDS,
    LEEWAY_SECONDS,
    InvalidAccessToken,
    KeyRing,
    SigningKey,
    load_keys,
    rotate_keys,
)
from workflows.identity.authenticator import Authenticator

ACTOR = Actor(uuid4(), uuid4(), (Grant(Role.STORE_STAFF, uuid4(), uuid4()), Grant(Role.CUSTOMER)))


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return load_keys(tmp_path / "keys" / "keys.json")


def test_a_token_contains_the_person_and_their_roles(ring: KeyRing) -> None:
    since = int(time.time())
    token, expires_at = ring.sign(ACTOR)
    claims = ring.verify(token)
    assert claims.actor == ACTOR
    assert claims.expires_at == expires_at
    assert since <= expires_at - ACCESS_TOKEN_SECONDS <= time.time()
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"


def test_an_expired_token_is_refused(ring: KeyRing) -> None:
    token, _ = ring.sign(ACTOR, time.time() - ACCESS_TOKEN_SECONDS - LEEWAY_SECONDS)
    with pytest.raises(InvalidAccessToken, match="expired"):
        ring.verify(token)


def test_a_token_of_another_key_with_a_known_key_id_is_refused(ring: KeyRing) -> None:
    thief = KeyRing((SigningKey(ring.keys[0].kid, Ed25519PrivateKey.generate()),), b"")
    with pytest.raises(InvalidAccessToken):
        ring.verify(thief.sign(ACTOR)[0])


def test_a_token_of_an_unknown_key_is_refused(ring: KeyRing) -> None:
    thief = KeyRing((SigningKey("stranger", Ed25519PrivateKey.generate()),), b"")
    with pytest.raises(InvalidAccessToken, match="not one of ours"):
        ring.verify(thief.sign(ACTOR)[0])


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256"])
def test_a_token_with_another_algorithm_is_refused(ring: KeyRing, algorithm: str) -> None:
    header, payload, signature = ring.sign(ACTOR)[0].split(".")
    forged = orjson.dumps({"alg": algorithm, "typ": "JWT", "kid": ring.keys[0].kid})
    header = urlsafe_b64encode(forged).rstrip(b"=").decode()
    for last in ("", signature):
        with pytest.raises(InvalidAccessToken):
            ring.verify(f"{header}.{payload}.{last}")


@pytest.mark.parametrize("claim", ["exp", "sub", "sid", "aud", "iss", "grants"])
def test_a_token_that_lacks_a_claim_is_refused(ring: KeyRing, claim: str) -> None:
    key = ring.keys[0]
    claims = jwt.decode(ring.sign(ACTOR)[0], options={"verify_signature": False})
    del claims[claim]
    token = jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.kid})
    with pytest.raises(InvalidAccessToken):
        ring.verify(token)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "x" * 9000, "\0", "null"])
def test_a_malformed_token_is_refused(ring: KeyRing, text: str) -> None:
    with pytest.raises(InvalidAccessToken):
        ring.verify(text)


def test_the_key_file_is_private_and_created_once(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    rings = [load_keys(file) for _ in range(2)]
    assert rings[0].jwks() == rings[1].jwks()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]
    assert all("d" not in key for key in rings[0].jwks()["keys"])


def test_a_token_survives_one_rotation_and_the_next_key_was_published_before(
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys.json"
    before = load_keys(file)
    token, _ = before.sign(ACTOR)
    rotate_keys(file)
    after = load_keys(file)
    assert after.verify(token).actor == ACTOR
    assert before.verify(after.sign(ACTOR)[0]).actor == ACTOR
    assert after.secret == before.secret


async def test_a_running_server_reloads_after_two_rotations(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.identity.authenticator.KEY_RELOAD_SECONDS", 0.0)
    authenticator = Authenticator(keys_file=tmp_path / "keys.json", database=database)
    rotate_keys(tmp_path / "keys.json")
    rotate_keys(tmp_path / "keys.json")
    token, _ = load_keys(tmp_path / "keys.json").sign(ACTOR)
    assert authenticator.verify(token).actor == ACTOR


async def test_a_cached_token_still_expires(container: Container) -> None:
    # Within the leeway for one more second.
    issued_at = time.time() - ACCESS_TOKEN_SECONDS - LEEWAY_SECONDS + 1
    token, _ = container.authenticator._keys.sign(ACTOR, issued_at)
    assert container.authenticator.verify(token).actor == ACTOR
    await asyncio.sleep(2.5)
    with pytest.raises(InvalidAccessToken, match="expired"):
        container.authenticator.verify(token)
