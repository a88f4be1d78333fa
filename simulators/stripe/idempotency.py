"""A key asked again within 24 hours gets the first answer, and only that."""

import hashlib
from dataclasses import dataclass

import orjson

from simulators.stripe.books import Books
from simulators.stripe.wire import ApiError, Body

REPLAY_SECONDS = 24 * 3600
KEY_LIMIT_CHARS = 255


@dataclass(frozen=True)
class Asked:
    """What a request asked under its key."""

    key: str
    endpoint: str
    fingerprint: str


@dataclass(frozen=True)
class Remembered:
    """What was answered the first time."""

    status: int
    body: bytes
    request_id: str


def asked(key: str, owner: str, endpoint: str, params: Body) -> Asked:
    """Fingerprint a request; keys of the store and of its clients are apart."""
    if len(key) > KEY_LIMIT_CHARS:
        raise ApiError(400, f"Idempotency keys can be at most {KEY_LIMIT_CHARS} characters long.")
    words = orjson.dumps(params, option=orjson.OPT_SORT_KEYS)
    return Asked(f"{owner}:{key}", endpoint, hashlib.sha256(words).hexdigest())


def recall(books: Books, ask: Asked) -> Remembered | None:
    """The first answer, if there is one; refuses the key for anything else or while in flight."""
    if ask.key in books.in_flight:
        raise ApiError(
            409,
            "There is currently another in-progress request using this Idempotent Key. Please try "
            "again later.",
            kind="idempotency_error",
            code="idempotency_key_in_use",
        )
    row = books.state.db.execute(
        "SELECT fingerprint, endpoint, status, body, request_id FROM idempotency"
        " WHERE key = ? AND at > ?",
        (ask.key, books.state.now() - REPLAY_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if (row[0], row[1]) != (ask.fingerprint, ask.endpoint):
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same endpoint and parameters "
            f"they were first used with ('{row[1]}').",
            kind="idempotency_error",
        )
    return Remembered(row[2], row[3], row[4])


def remember(books: Books, ask: Asked, answer: Remembered) -> None:
    """Keep an answer, in the transaction of what it answers for."""
    books.state.db.execute(
        "INSERT OR REPLACE INTO idempotency (key, fingerprint, endpoint, at, status, request_id,"
        " body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            ask.key,
            ask.fingerprint,
            ask.endpoint,
            books.state.now(),
            answer.status,
            answer.request_id,
            answer.body,
        ),
    )


def forget_old(books: Books) -> None:
    """Drop answers past their 24 hours."""
    books.state.db.execute(
        "DELETE FROM idempotency WHERE at <= ?", (books.state.now() - REPLAY_SECONDS,)
    )
