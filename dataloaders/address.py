from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from dataloaders.keys import among
from models import Address
from models.point import Point
from services import store as stores
from services.address import ADDRESSES


@public
async def served_by_point(session: AsyncSession, keys: Sequence[Point]) -> list[bool]:
    return await stores.served(session, keys)


async def addresses_by_person(session: AsyncSession, keys: Sequence[UUID]) -> list[list[Address]]:
    """Each person's address book, the newest first; a book is bounded when it is written."""
    rows = await session.scalars(
        select(Address)
        .where(among(Address.person_id, keys), Address.removed_at.is_(None))
        .order_by(Address.id.desc())
        .limit(ADDRESSES * len(keys))
    )
    found: dict[UUID, list[Address]] = {key: [] for key in keys}
    for row in rows:
        found[row.person_id].append(row)
    return [found[key] for key in keys]
