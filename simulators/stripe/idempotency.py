"""Idempotency keys: a repeated key gets the first response for 24 hours."""

import hashlib
from dataclasses import dataclass

import orjson

from simulators.stripe.account import StripeAccount
from simulators.stripe.wire import ApiError, Body

REPLAY_SECONDS = 24 * 3600
KEY_LIMIT_CHARS = 255


@dataclass(frozen=True)
class KeyedRequest:
    """The key of a request and the fingerprint of its parameters."""

    key: str
    endpoint: str
    fingerprint: str


@dataclass(frozen=True)
class StoredResponse:
    """The response to the first request with a key."""

    status: int
    body: bytes
    request_id: str


def fingerprint_request(key: str, owner: str, endpoint: str, params: Body) -> KeyedRequest:
    """Fingerprint a request; the store and its clients have separate keys."""
    if len(key) > KEY_LIMIT_CHARS:
        raise ApiError(400, f"Idempotency keys can be at most {KEY_LIMIT_CHARS} characters long.")
    words = orjson.dumps(params, option=orjson.OPT_SORT_KEYS)
    return KeyedRequest(f"{owner}:{key}", endpoint, hashlib.sha256(words).hexdigest())


def find_response(account: StripeAccount, request: KeyedRequest) -> StoredResponse | None:
    """Return the first response, if any; raises ApiError if the key was used otherwise."""
    if request.key in account.in_flight:
        raise ApiError(
            409,
            "There is currently another in-progress request using this Idempotent Key. Please try "
            "again later.",
            kind="idempotency_error",
            code="idempotency_key_in_use",
        )
    row = account.state.db.execute(
        "SELECT fingerprint, endpoint, status, body, request_id FROM idempotency"
        " WHERE key = ? AND at > ?",
        (request.key, account.state.now() - REPLAY_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if (row[0], row[1]) != (request.fingerprint, request.endpoint):
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same endpoint and parameters "
            f"they were first used with ('{row[1]}').",
            kind="idempotency_error",
        )
    return StoredResponse(row[2], row[3], row[4])


def store_response(account: StripeAccount, request: KeyedRequest, response: StoredResponse) -> None:
    """Store a response in the transaction of the changes that it reports."""
    account.state.db.execute(
        "INSERT OR REPLACE INTO idempotency (key, fingerprint, endpoint, at, status, request_id,"
        " body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            request.key,
            request.fingerprint,
            request.endpoint,
            account.state.now(),
            response.status,
            response.request_id,
            response.body,
        ),
    )


def delete_expired(account: StripeAccount) -> None:
    """Delete responses that are older than 24 hours."""
    account.state.db.execute(
        "DELETE FROM idempotency WHERE at <= ?", (account.state.now() - REPLAY_SECONDS,)
    )
