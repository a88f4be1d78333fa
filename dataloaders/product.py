from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import public
from services import product as products
from services.page import Page
from services.product import Offer, Wanted


@public
async def page_of_offers(session: AsyncSession, keys: Sequence[Wanted]) -> list[Page[Offer]]:
    return await products.pages(session, keys)


@public
async def offer_by_store_and_product(
    session: AsyncSession, keys: Sequence[tuple[UUID, UUID]]
) -> list[Offer | None]:
    """What (store, product) pairs are there; None where the store does not list the product."""
    return await products.offers(session, keys)


@public
async def product_by_id(session: AsyncSession, keys: Sequence[UUID]) -> list[Offer | None]:
    """Products where no store is in question: they have neither price nor availability."""
    return await products.plain(session, keys)
