"""What one store asks for a product, and its one-tap switch; the shop window shows it at once."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Actor, Listing, Product, Store
from services.clock import moment
from services.event import happened, inventory_stream
from services.refusal import InvalidInput, Refused, VersionConflict, not_found
from services.staff import works_in

PRICE_MOST_MINOR = 100_000_000


async def set_availability(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    available: bool,
    expected_version: int | None = None,
) -> Listing:
    """Take a product out of a store's window, or put it back; its staff may."""
    listing = await locked(session, actor, store_id, product_id)
    _expect(listing, expected_version)
    if listing.available is not available:
        listing.available = available
        await _changed(session, listing)
    return listing


async def set_price(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    price_minor: int,
    expected_version: int | None = None,
) -> Listing:
    """Ask another price (minor units, tax included) in one store; its staff may.

    Orders already placed keep the price they were placed at.
    """
    listing = await locked(session, actor, store_id, product_id)
    check_price(price_minor)
    _expect(listing, expected_version)
    await ask(session, listing, price_minor)
    return listing


def check_price(price_minor: int) -> None:
    """Refused with InvalidInput unless it is a price that a store may ask, in minor units."""
    if not 1 <= price_minor <= PRICE_MOST_MINOR:
        said = f"A price is from 1 to {PRICE_MOST_MINOR} minor units."
        raise Refused(InvalidInput(path=["input", "priceMinor"], message=said))


async def ask(session: AsyncSession, listing: Listing, price_minor: int) -> None:
    """Ask this price for a locked listing and tell of it; nothing when it is asked already."""
    if listing.price_minor != price_minor:
        listing.price_minor = price_minor
        await _changed(session, listing)


async def locked(session: AsyncSession, actor: Actor, store_id: UUID, product_id: UUID) -> Listing:
    """The listing, locked; not found for whoever does not work in the store."""
    listing = await session.scalar(
        select(Listing)
        .where(Listing.store_id == store_id, Listing.product_id == product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if listing is None:
        at_work = await session.get(Store, store_id)
        if at_work is None or not works_in(actor, at_work.company_id, store_id):
            raise not_found(Store, "storeId")
        raise not_found(Product, "productId")
    if not works_in(actor, listing.company_id, store_id):
        raise not_found(Store, "storeId")
    return listing


def _expect(listing: Listing, version: int | None) -> None:
    if version is not None and version != listing.version:
        said = "The listing was changed by somebody else: read it again."
        path = ["input", "expectedVersion"]
        raise Refused(VersionConflict(path=path, message=said, current=listing.version))


async def _changed(session: AsyncSession, listing: Listing) -> None:
    listing.version += 1
    listing.updated_at = await moment(session)
    await session.flush()
    body = {
        "product_id": listing.product_id,
        "price_minor": listing.price_minor,
        "available": listing.available,
        "version": listing.version,
    }
    stream = inventory_stream(listing.store_id)
    happened(session, stream, "LISTING_CHANGED", body, company_id=listing.company_id)
