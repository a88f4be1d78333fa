from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from dataloaders.keys import KEYS, asked, many_each
from models import Address
from models.light import kept
from models.point import Point
from services import store as stores
from services.address import ADDRESSES

BOOKS = kept(
    select(Address)
    .where(asked(Address.person_id), Address.removed_at.is_(None))
    .order_by(Address.id.desc())
    .limit(ADDRESSES * func.cardinality(KEYS))
)


@public
async def served_by_point(session: AsyncSession, keys: Sequence[Point]) -> list[bool]:
    return await stores.served(session, keys)


async def addresses_by_person(session: AsyncSession, keys: Sequence[UUID]) -> list[list[Address]]:
    """Each person's address book, the newest first; a book is bounded when it is written."""
    return await many_each(session, BOOKS, keys, "person_id")
