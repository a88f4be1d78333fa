"""One effect for equal requests: the key is written in the transaction of the effect it guards."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.idempotency import IdempotencyKey

KEY_LENGTH = 255


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


async def settle(session: AsyncSession, made: Promise, outcome: dict[str, Any]) -> None:
    """Store what the request led to, in the same transaction."""
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.owner == made.owner, IdempotencyKey.key == made.key)
        .values(outcome=outcome)
    )
