"""Price and availability of a product in one store; changes are visible to customers at once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.identity import Actor
from models.stores import Store
from services.catalog import weights
from services.core.access import may_operate_store
from services.core.clock import current_time
from services.core.problems import DomainError, not_found, range_problem
from services.core.state_machine import check_version
from services.events.event_log import inventory_stream, record_event

MAX_PRICE_MINOR = 100_000_000
CHANGED_MEANWHILE = "The listing was changed by somebody else: read it again."


async def set_availability(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    available: bool,
    expected_version: int | None = None,
) -> Listing:
    """Hide a product of a store from customers, or show it again; for its staff.

    Raises DomainError: NotFound, VersionConflict.
    """
    listing = await lock_listing(session, actor, store_id, product_id)
    check_version(listing, expected_version, CHANGED_MEANWHILE)
    if listing.available is not available:
        listing.available = available
        await _save_change(session, listing)
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
    """Set the price in one store (minor units, tax included); for its staff.

    It is the price per kilogram if the product is sold by weight. Orders already placed keep
    their prices. Raises DomainError: NotFound, InvalidInput, VersionConflict.
    """
    listing = await lock_listing(session, actor, store_id, product_id)
    validate_price(price_minor)
    check_version(listing, expected_version, CHANGED_MEANWHILE)
    await apply_price(session, listing, price_minor)
    return listing


def validate_price(price_minor: int) -> None:
    """Raise DomainError: InvalidInput unless the price (minor units) is within the limits."""
    if not 1 <= price_minor <= MAX_PRICE_MINOR:
        raise DomainError(range_problem(["input", "priceMinor"], 1, MAX_PRICE_MINOR))


async def apply_price(session: AsyncSession, listing: Listing, price_minor: int) -> None:
    """Set the price of a locked listing and publish the change, if it differs.

    It is the price per kilogram if the product is sold by weight.
    """
    if listing.current_price_minor == price_minor:
        return
    if listing.average_weight_grams is None:
        listing.price_minor = price_minor
    else:
        listing.price_per_kilogram_minor = price_minor
        listing.price_minor = weights.piece_price(price_minor, listing.average_weight_grams)
    await _save_change(session, listing)


def set_piece_weight(listing: Listing, average_weight_grams: int | None, now: datetime) -> bool:
    """Sell a locked listing by weight, with pieces of about `average_weight_grams`, or by the
    piece (None).

    A change of the weight keeps the price per kilogram; otherwise the price of a piece stays the
    same except for rounding. Returns False if nothing changed; otherwise the caller calls
    `publish_listing_changed`.
    """
    if listing.average_weight_grams == average_weight_grams:
        return False
    price_per_kilogram = None
    if average_weight_grams is not None:
        price_per_kilogram = listing.price_per_kilogram_minor or weights.price_per_kilogram(
            listing.price_minor, average_weight_grams
        )
        listing.price_minor = weights.piece_price(price_per_kilogram, average_weight_grams)
    listing.price_per_kilogram_minor, listing.average_weight_grams = (
        price_per_kilogram,
        average_weight_grams,
    )
    listing.version += 1
    listing.updated_at = now
    return True


async def lock_listing(
    session: AsyncSession, actor: Actor, store_id: UUID, product_id: UUID
) -> Listing:
    """Lock a listing for the store's staff. Raises DomainError: NotFound."""
    listing = await session.scalar(
        select(Listing)
        .where(Listing.store_id == store_id, Listing.product_id == product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if listing is None:
        store = await session.get(Store, store_id)
        if store is None or not may_operate_store(actor, store.company_id, store_id):
            raise not_found(Store, "storeId")
        raise not_found(Product, "productId")
    if not may_operate_store(actor, listing.company_id, store_id):
        raise not_found(Store, "storeId")
    return listing


async def _save_change(session: AsyncSession, listing: Listing) -> None:
    listing.version += 1
    listing.updated_at = await current_time(session)
    await session.flush()
    publish_listing_changed(session, listing)


def publish_listing_changed(session: AsyncSession, listing: Listing) -> None:
    """Record the event LISTING_CHANGED in the store's inventory stream."""
    body = {
        "product_id": listing.product_id,
        "price_minor": listing.price_minor,
        "available": listing.available,
        "version": listing.version,
    }
    stream = inventory_stream(listing.store_id)
    record_event(session, stream, "LISTING_CHANGED", body, company_id=listing.company_id)
