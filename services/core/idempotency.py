"""One effect for equal requests: the key is written in the transaction of the effect it guards."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5
from weakref import WeakValueDictionary

from sqlalchemy import bindparam, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from models.core import IdempotencyKey

KEY_LENGTH = 255
RESERVED = "reserved"


# A request that led to nothing makes room for one with other arguments; a finished one stands.
_NEW: Any = insert(IdempotencyKey).values(
    owner=bindparam("owner"),
    key=bindparam("key"),
    mutation=bindparam("mutation"),
    fingerprint=bindparam("fingerprint"),
    outcome=bindparam("outcome", type_=JSONB),
)
_OVER = (
    ~IdempotencyKey.outcome.has_key("id")
    & (IdempotencyKey.mutation == _NEW.excluded.mutation)
    & (IdempotencyKey.fingerprint != _NEW.excluded.fingerprint)
)
_STORED = IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome
RESERVE = kept(
    _NEW.on_conflict_do_update(
        index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
        set_={
            "fingerprint": case((_OVER, _NEW.excluded.fingerprint), else_=_STORED[1]),
            "outcome": case((_OVER, _NEW.excluded.outcome), else_=_STORED[2]),
        },
    ).returning(*_STORED)
)
_MINE = IdempotencyKey.owner == bindparam("whose"), IdempotencyKey.key == bindparam("given")
MATCHING = kept(select(*_STORED).where(*_MINE).with_for_update())
_SETTLE = (
    update(IdempotencyKey)
    .where(*_MINE)
    .values(outcome=bindparam("stored", type_=JSONB))
    .execution_options(synchronize_session=False)
)
SETTLE = kept(_SETTLE)
FINISH = kept(
    _SETTLE.where(
        IdempotencyKey.mutation == bindparam("named"),
        IdempotencyKey.fingerprint == bindparam("marked"),
        IdempotencyKey.outcome[RESERVED].astext == bindparam("reserved"),
        ~IdempotencyKey.outcome.has_key("id"),
    ).returning(literal(1))
)


class KeyReused(Exception):
    """The same key came with other arguments."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A client's key for one mutation with these arguments."""

    owner: str
    key: str
    mutation: str
    fingerprint: bytes

    @property
    def seed(self) -> UUID:
        """A key for the row to create, equal for equal requests."""
        return uuid5(NAMESPACE_OID, f"{self.owner}/{self.key}/{self.mutation}")


class Turns:
    """Equal requests of this process come one after the other: the later ones find an answer."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def of(self, made: Promise | None) -> asyncio.Lock:
        """What an equal request holds while it is under way."""
        lock = None if made is None else self._locks.get(made.seed)
        if lock is None:
            lock = asyncio.Lock()
            if made is not None:
                self._locks[made.seed] = lock
        return lock


def promise(owner: str, key: str, mutation: str, arguments: object) -> Promise:
    """The promise a request makes; arguments are compared by their fingerprint."""
    return Promise(owner, key, mutation, sha256(repr(arguments).encode()).digest())


async def begin(session: AsyncSession, made: Promise) -> dict[str, Any] | None:
    """Claim the key for this transaction, or answer the outcome that an earlier one stored.

    An equal request in flight is waited for: the unique key blocks until it commits or rolls back.
    Raises KeyReused when the arguments differ.
    """
    claimed = await session.execute(
        insert(IdempotencyKey)
        .values(
            owner=made.owner,
            key=made.key,
            mutation=made.mutation,
            fingerprint=made.fingerprint,
            outcome={},
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if claimed.first() is not None:
        return None
    row = await session.execute(
        select(IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome).where(
            IdempotencyKey.owner == made.owner, IdempotencyKey.key == made.key
        )
    )
    mutation, fingerprint, outcome = row.one()
    if mutation != made.mutation or fingerprint != made.fingerprint:
        raise KeyReused
    return dict(outcome)


async def stored(session: AsyncSession, made: Promise) -> dict[str, Any] | None:
    """What an equal request has led to by now, if anything; KeyReused for other arguments."""
    found = await session.execute(
        select(IdempotencyKey.mutation, IdempotencyKey.fingerprint, IdempotencyKey.outcome).where(
            IdempotencyKey.owner == made.owner, IdempotencyKey.key == made.key
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    if (row.mutation, row.fingerprint) != (made.mutation, made.fingerprint):
        raise KeyReused
    return dict(row.outcome)


async def claim(session: AsyncSession, owner: str, key: str, every_seconds: float) -> bool:
    """Whether a thing may be done now: once in so many seconds, whichever process does it.

    Equal claims in flight wait for each other, by the database's clock; commit before doing it.
    `owner` is no person's id, so the session must be of the platform.
    """
    now = func.clock_timestamp()
    row = insert(IdempotencyKey).values(
        owner=owner, key=key, mutation=owner, fingerprint=b"", outcome={}, created_at=now
    )
    claimed = await session.execute(
        row.on_conflict_do_update(
            index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
            set_={"created_at": now},
            where=IdempotencyKey.created_at <= now - timedelta(seconds=every_seconds),
        ).returning(IdempotencyKey.key)
    )
    return claimed.first() is not None


async def let_go(session: AsyncSession, made: Promise) -> None:
    """Give the key up: the request was refused, and may be made again."""
    await session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.owner == made.owner, IdempotencyKey.key == made.key
        )
    )


async def settle(session: AsyncSession, made: Promise, outcome: dict[str, Any]) -> None:
    """Store what the request led to, in the same transaction."""
    asked = {"whose": made.owner, "given": made.key, "stored": outcome}
    await session.execute(SETTLE, asked)


async def reserve(session: AsyncSession, made: Promise, key: UUID) -> tuple[UUID, bool]:
    """Reserve a key for the row to create: the same one for equal requests, however often asked.

    Answers that key and whether the row exists by now. For effects of several transactions: commit
    this one first, then `finish` in the one that creates the row. Arguments other than those of a
    finished request raise KeyReused; of a request that led to nothing, they replace them.
    """
    asked = {
        "owner": made.owner,
        "key": made.key,
        "mutation": made.mutation,
        "fingerprint": made.fingerprint,
        "outcome": {RESERVED: str(key)},
    }
    found = await session.execute(RESERVE, asked)
    outcome = _agreed(made, found.one())
    return UUID(outcome[RESERVED]), "id" in outcome


async def finish(session: AsyncSession, made: Promise, key: UUID, outcome: dict[str, Any]) -> bool:
    """Lock the reservation and store what it leads to, in the transaction that creates the row.

    False when an equal request has done so already; KeyReused when another one has the key.
    """
    mine = {"whose": made.owner, "given": made.key}
    asked = {
        "named": made.mutation,
        "marked": made.fingerprint,
        "reserved": str(key),
        "stored": {RESERVED: str(key), **outcome},
    }
    if (await session.execute(FINISH, {**mine, **asked})).first():
        return True
    found = await session.execute(MATCHING, mine)
    known = _agreed(made, found.one_or_none())
    if known.get(RESERVED) != str(key):
        raise KeyReused
    return False


def _agreed(made: Promise, row: Any) -> dict[str, Any]:
    """What is stored under the key; KeyReused when it was given for something else."""
    if row is None or (row[0], row[1]) != (made.mutation, made.fingerprint):
        raise KeyReused
    return dict(row[2])
