"""Idempotency keys: equal requests have one effect.

The key is written in the same transaction as the effect that it guards. It belongs to a person, or
to the network of a client who is not signed in, and moves with a guest who is merged into an
account.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5
from weakref import WeakValueDictionary

from sqlalchemy import bindparam, case, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.core import IdempotencyKey
from services.core.fingerprints import fingerprint
from services.core.problems import DomainError, NotFound

MAX_KEY_LENGTH = 255
RESERVED = "reserved"


# The arguments of a request without a result may be replaced, those of a finished one never. The
# row to create keeps its key, so that what an earlier try has reserved for it is not left behind.
_NEW_ROW: Any = insert(IdempotencyKey).values(
    owner=bindparam("owner"),
    key=bindparam("key"),
    mutation=bindparam("mutation"),
    fingerprint=bindparam("fingerprint"),
    outcome=bindparam("outcome", type_=JSONB),
)
_MAY_REPLACE = (
    ~IdempotencyKey.outcome.has_key("id")
    & (IdempotencyKey.mutation == _NEW_ROW.excluded.mutation)
    & (IdempotencyKey.fingerprint != _NEW_ROW.excluded.fingerprint)
)
_COLUMNS = IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome
RESERVE = prepared(
    _NEW_ROW.on_conflict_do_update(
        index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
        set_={
            "fingerprint": case((_MAY_REPLACE, _NEW_ROW.excluded.fingerprint), else_=_COLUMNS[1]),
        },
    ).returning(*_COLUMNS)
)
_SAME_KEY = (
    IdempotencyKey.owner == bindparam("key_owner"),
    IdempotencyKey.key == bindparam("key_text"),
)
LOCK_KEY = prepared(select(*_COLUMNS).where(*_SAME_KEY).with_for_update())
_STORE_OUTCOME = (
    update(IdempotencyKey)
    .where(*_SAME_KEY)
    .values(outcome=bindparam("stored", type_=JSONB))
    .execution_options(synchronize_session=False)
)
STORE_OUTCOME = prepared(_STORE_OUTCOME)
STORE_RESERVED_OUTCOME = prepared(
    _STORE_OUTCOME.where(
        IdempotencyKey.mutation == bindparam("key_mutation"),
        IdempotencyKey.fingerprint == bindparam("key_fingerprint"),
        IdempotencyKey.outcome[RESERVED].astext == bindparam("row_key"),
        ~IdempotencyKey.outcome.has_key("id"),
    ).returning(literal(1))
)
# Keys that a transaction has locked belong to requests that can't finish any more: they wait for
# the lock of the guest, who is merged by then. A key that the account has used stays the account's.
MOVE_KEYS = prepared(
    text(
        """
    with moved as materialized (
        select key from idempotency_key k
        where owner = :from_owner and key is distinct from :kept_key and not exists (
            select from idempotency_key own where own.owner = :to_owner and own.key = k.key)
        for update skip locked
    )
    update idempotency_key set owner = :to_owner
    where owner = :from_owner and key in (select key from moved)
    """
    )
)


class KeyReused(Exception):
    """An idempotency key was sent again with other arguments."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A mutation with an idempotency key; its arguments are compared by their fingerprint."""

    owner: str
    key: str
    mutation: str
    fingerprint: bytes

    @property
    def seed(self) -> UUID:
        """The key of the row to create; the same for equal requests."""
        return uuid5(NAMESPACE_OID, f"{self.owner}/{self.key}/{self.mutation}")


class KeyedLocks:
    """Serializes equal requests of this process, so that later ones find the stored outcome."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def lock_for(self, request: IdempotentRequest | None) -> asyncio.Lock:
        """Return the lock that equal requests share; a new one for a request without a key."""
        lock = None if request is None else self._locks.get(request.seed)
        if lock is None:
            lock = asyncio.Lock()
            if request is not None:
                self._locks[request.seed] = lock
        return lock


def build_request(owner: str, key: str, mutation: str, arguments: object) -> IdempotentRequest:
    """Build the request from its key and arguments, which are reduced to their fingerprint."""
    return IdempotentRequest(owner, key, mutation, fingerprint(arguments))


async def begin(session: AsyncSession, request: IdempotentRequest) -> dict[str, Any] | None:
    """Claim the key for this transaction, or return the outcome of an earlier equal request.

    Waits for an equal request in flight: the unique key blocks until that one commits or rolls
    back. Raises KeyReused when the arguments differ.
    """
    claimed = await session.execute(
        insert(IdempotencyKey)
        .values(
            owner=request.owner,
            key=request.key,
            mutation=request.mutation,
            fingerprint=request.fingerprint,
            outcome={},
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if claimed.first() is not None:
        return None
    row = await session.execute(
        select(IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome).where(
            IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key
        )
    )
    mutation, fingerprint, outcome = row.one()
    if mutation != request.mutation or fingerprint != request.fingerprint:
        raise KeyReused
    return dict(outcome)


async def stored_outcome(
    session: AsyncSession, request: IdempotentRequest
) -> dict[str, Any] | None:
    """Return the stored outcome of an equal request, if any. Raises KeyReused."""
    rows = await session.execute(
        select(IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome).where(
            IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key
        )
    )
    row = rows.one_or_none()
    if row is None:
        return None
    if (row.mutation, row.fingerprint) != (request.mutation, request.fingerprint):
        raise KeyReused
    return dict(row.outcome)


async def claim_interval(
    session: AsyncSession, owner: str, key: str, interval_seconds: float
) -> bool:
    """Claim a periodic task: True once per interval over all processes, by the database's clock.

    Concurrent claims wait for each other; commit before you run the task. `owner` is not a
    person's id, so the session needs the platform scope.
    """
    now = func.clock_timestamp()
    row = insert(IdempotencyKey).values(
        owner=owner, key=key, mutation=owner, fingerprint=b"", outcome={}, created_at=now
    )
    claimed = await session.execute(
        row.on_conflict_do_update(
            index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
            set_={"created_at": now},
            where=IdempotencyKey.created_at <= now - timedelta(seconds=interval_seconds),
        ).returning(IdempotencyKey.key)
    )
    return claimed.first() is not None


async def release(session: AsyncSession, request: IdempotentRequest) -> None:
    """Delete the key of a refused request, so that it may be sent again."""
    await session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key
        )
    )


async def store_outcome(
    session: AsyncSession, request: IdempotentRequest, outcome: dict[str, Any]
) -> None:
    """Store the outcome of the request, in the transaction of its effect."""
    parameters = {"key_owner": request.owner, "key_text": request.key, "stored": outcome}
    await session.execute(STORE_OUTCOME, parameters)


@dataclass(frozen=True, slots=True)
class RowReservation:
    """The key of the row that a request creates, the same for all its repetitions."""

    row_key: UUID
    exists: bool = False
    """Whether an earlier equal request has created the row."""
    repeated: bool = False
    """Whether an earlier request with this idempotency key got the row's key."""


async def reserve(
    session: AsyncSession, request: IdempotentRequest, row_key: UUID
) -> RowReservation:
    """Reserve the key of the row to create.

    Repetitions get the same key. For effects that span transactions: commit this one first, then
    call `finish` in the one that creates the row. Raises KeyReused when a finished request had
    other arguments; those of an unfinished request are replaced.
    """
    parameters = {
        "owner": request.owner,
        "key": request.key,
        "mutation": request.mutation,
        "fingerprint": request.fingerprint,
        "outcome": {RESERVED: str(row_key)},
    }
    rows = await session.execute(RESERVE, parameters)
    outcome = _matching_outcome(request, rows.one())
    reserved = UUID(outcome[RESERVED])
    return RowReservation(reserved, "id" in outcome, reserved != row_key)


async def created_row(session: AsyncSession, request: IdempotentRequest) -> UUID | None:
    """Return the key of the row that an equal request has created, if any. Raises KeyReused."""
    outcome = await stored_outcome(session, request)
    return UUID(outcome[RESERVED]) if outcome and "id" in outcome else None


async def move_keys(
    session: AsyncSession, from_owner: UUID, to_owner: UUID, kept_key: str | None = None
) -> None:
    """Give the keys of a guest, except `kept_key`, to the account that the guest is merged into.

    A request that the guest sent is then repeated by the account without a second effect. Call it
    once the guest's row is locked; needs the platform scope.
    """
    owners = {"from_owner": str(from_owner), "to_owner": str(to_owner)}
    await session.execute(MOVE_KEYS, {**owners, "kept_key": kept_key})


async def finish(
    session: AsyncSession, request: IdempotentRequest, row_key: UUID, outcome: dict[str, Any]
) -> bool:
    """Lock the reservation and store its outcome, in the transaction that creates the row.

    Returns False when an equal request has finished already. Raises KeyReused when a request with
    other arguments holds the key, DomainError with NotFound when the key has another owner by now.
    """
    key = {"key_owner": request.owner, "key_text": request.key}
    parameters = {
        "key_mutation": request.mutation,
        "key_fingerprint": request.fingerprint,
        "row_key": str(row_key),
        "stored": {RESERVED: str(row_key), **outcome},
    }
    if (await session.execute(STORE_RESERVED_OUTCOME, {**key, **parameters})).first():
        return True
    rows = await session.execute(LOCK_KEY, key)
    if (row := rows.one_or_none()) is None:
        message = "This guest has signed in to an account meanwhile: repeat it from there."
        raise DomainError(NotFound(path=["input"], message=message))
    current = _matching_outcome(request, row)
    if current.get(RESERVED) != str(row_key):
        raise KeyReused
    return False


def _matching_outcome(request: IdempotentRequest, row: Any) -> dict[str, Any]:
    """Return the outcome in a row. Raises KeyReused unless the row is of an equal request."""
    if (row[0], row[1]) != (request.mutation, request.fingerprint):
        raise KeyReused
    return dict(row[2])
