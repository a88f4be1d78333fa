"""What one store asks for a product, and its one-tap switch; the shop window shows it at once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.identity import Actor
from models.stores import Store
from services.catalog import weights
from services.core.access import works_in
from services.core.clock import moment
from services.core.problems import InvalidInput, Refused, VersionConflict, not_found
from services.events.event_log import happened, inventory_stream

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

    It is the price of a kilogram where the product is sold by weight. Orders already placed keep
    the price they were placed at.
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
    """Ask this price for a locked listing and tell of it; nothing when it is asked already.

    It is the price of a kilogram where the product is sold by weight.
    """
    if listing.asked_minor == price_minor:
        return
    if listing.unit_grams is None:
        listing.price_minor = price_minor
    else:
        listing.kilo_price_minor = price_minor
        listing.price_minor = weights.piece_price(price_minor, listing.unit_grams)
    await _changed(session, listing)


def weigh(listing: Listing, unit_grams: int | None, now: datetime) -> bool:
    """Sell a locked listing by weight, in pieces of about `unit_grams`, or by the piece again.

    The price of a kilogram stays from one weight to another; else that of a piece stays, but for
    rounding. False when that is how it is sold already; else `tell` is to follow.
    """
    if listing.unit_grams == unit_grams:
        return False
    kilo = None
    if unit_grams is not None:
        kilo = listing.kilo_price_minor or weights.kilo_price(listing.price_minor, unit_grams)
        listing.price_minor = weights.piece_price(kilo, unit_grams)
    listing.kilo_price_minor, listing.unit_grams = kilo, unit_grams
    listing.version += 1
    listing.updated_at = now
    return True


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
    tell(session, listing)


def tell(session: AsyncSession, listing: Listing) -> None:
    """Tell the listeners of the listing's store how it stands."""
    body = {
        "product_id": listing.product_id,
        "price_minor": listing.price_minor,
        "available": listing.available,
        "version": listing.version,
    }
    stream = inventory_stream(listing.store_id)
    happened(session, stream, "LISTING_CHANGED", body, company_id=listing.company_id)
