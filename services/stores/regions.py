"""The country of a company or store, by the time zones of its stores."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.stores import Store
from services.core.contacts.phone_numbers import parse_phone, read_phone, region_of_zone


async def parse_local_phone(
    session: AsyncSession,
    text: str,
    *path: str,
    company_id: UUID | None,
    store_id: UUID | None = None,
    for_texts: bool = True,
) -> str:
    """Like `parse_phone`; a number without a country code is one of the store's country.

    That is the company's where no store is named and all of its stores are in one country.
    Raises DomainError: InvalidInput.
    """
    region = None
    if read_phone(text) is None and company_id is not None:
        region = await _region(session, company_id, store_id)
    return parse_phone(text, *path, region=region, for_texts=for_texts)


async def _region(session: AsyncSession, company_id: UUID, store_id: UUID | None) -> str | None:
    zones = select(Store.timezone).where(Store.company_id == company_id).distinct()
    if store_id is not None:
        zones = zones.where(Store.id == store_id)
    regions = {region_of_zone(zone) for zone in await session.scalars(zones)} - {None}
    return regions.pop() if len(regions) == 1 else None
