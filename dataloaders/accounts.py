"""Batch reads of people and their addresses."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from dataloaders.batches import public, trusted_keys
from dataloaders.keys import KEYS, many_per_key, matches_keys, one_per_key
from models.accounts import Address, Membership, User
from models.geo_point import Point
from models.messages import MessageStatus, OutgoingMessage
from services.accounts.addresses import MAX_ADDRESSES
from services.stores import coverage

PERSON = prepared(select(User).where(matches_keys(User.id)))


async def person_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[User | None]:
    """Load people that the actor may see: themselves and people of their companies."""
    return await one_per_key(session, PERSON, keys)


ADDRESSES_OF_PEOPLE = prepared(
    select(Address)
    .where(matches_keys(Address.person_id), Address.removed_at.is_(None))
    .order_by(Address.id.desc())
    .limit(MAX_ADDRESSES * func.cardinality(KEYS))
)


MEMBERSHIP = prepared(select(Membership).where(matches_keys(Membership.id)))
MESSAGE_STATUSES = prepared(
    select(OutgoingMessage.id, OutgoingMessage.status).where(matches_keys(OutgoingMessage.id))
)


async def membership_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Membership | None]:
    """Load role assignments that the actor may see: their own and those of their companies."""
    return await one_per_key(session, MEMBERSHIP, keys)


@trusted_keys
async def message_status_by_id(
    session: AsyncSession, keys: Sequence[UUID]
) -> list[MessageStatus | None]:
    """Load whether messages were sent, of invitations that the actor has been shown."""
    rows = await session.execute(MESSAGE_STATUSES, {"keys": list(keys)})
    by_id = {UUID(str(key)): MessageStatus(status) for key, status in rows}
    return [by_id.get(key) for key in keys]


@public
async def serviceability_by_point(session: AsyncSession, keys: Sequence[Point]) -> list[bool]:
    return await coverage.are_serviceable(session, keys)


async def addresses_by_person(session: AsyncSession, keys: Sequence[UUID]) -> list[list[Address]]:
    """Load each person's addresses, newest first; their number is limited on save."""
    return await many_per_key(session, ADDRESSES_OF_PEOPLE, keys, "person_id")
