"""Storage zone and sale by weight of a product, in every store of its company."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product, ScheduledPrice, TemperatureZone
from models.identity import Actor
from models.message_text import count_text, number_text
from services.catalog import listings
from services.catalog.company_rows import lock_product
from services.catalog.price_change_states import LIVE_STATUSES
from services.catalog.weights import MAX_UNIT_GRAMS
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput, Problem
from services.events.event_log import catalog_stream, record_event


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledPricesExist(Problem):
    """Stores have scheduled prices for the product, per piece or per kilogram."""

    store_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductHandling:
    """The storage zone of a product, and the weight of a piece (grams) if it is sold by weight."""

    temperature_zone: TemperatureZone
    average_weight_grams: int | None = None


async def set_handling(
    session: AsyncSession, *, actor: Actor, product_id: UUID, handling: ProductHandling
) -> Product:
    """Set how a product is stored and sold; for its company's admins.

    Applies to pick lists and orders created from then on. A product sold by weight gets a price
    per kilogram in every store, such that the price of a piece stays the same. Raises DomainError:
    NotFound, InvalidInput, ScheduledPricesExist if it would change the unit of a scheduled price.
    """
    grams = handling.average_weight_grams
    if grams is not None and not 1 <= grams <= MAX_UNIT_GRAMS:
        message = f"A piece weighs from 1 to {number_text(MAX_UNIT_GRAMS)} grams."
        raise DomainError(InvalidInput(path=["input", "averageWeightGrams"], message=message))
    row = await lock_product(session, actor, product_id)
    await _set_piece_weight(session, row, grams)
    row.temperature_zone = handling.temperature_zone
    row.weighed, row.average_weight_grams = grams is not None, grams
    await session.flush()
    handling_values = {"temperature_zone": row.temperature_zone, "average_weight_grams": grams}
    body = {"product_id": row.id, **handling_values}
    stream = catalog_stream(row.company_id)
    record_event(session, stream, "PRODUCT_CHANGED", body, company_id=row.company_id)
    return row


async def _set_piece_weight(
    session: AsyncSession, product: Product, average_weight_grams: int | None
) -> None:
    """Change the weight of a piece in every store; None sells the product by the piece."""
    if product.average_weight_grams == average_weight_grams:
        return
    rows = await session.scalars(
        select(Listing)
        .where(Listing.product_id == product.id)
        .order_by(Listing.store_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    product_listings = rows.all()
    if (product.average_weight_grams is None) is not (average_weight_grams is None):
        await _require_no_scheduled_prices(session, product)
    now = await current_time(session)
    changed = [
        listing
        for listing in product_listings
        if listings.set_piece_weight(listing, average_weight_grams, now)
    ]
    await session.flush()
    for listing in changed:
        listings.publish_listing_changed(session, listing)


async def _require_no_scheduled_prices(session: AsyncSession, product: Product) -> None:
    store_count = select(func.count(ScheduledPrice.store_id.distinct())).where(
        ScheduledPrice.product_id == product.id, ScheduledPrice.status.in_(LIVE_STATUSES)
    )
    if stores := await session.scalar(store_count):
        places = count_text(stores, "store")
        message = f"It has planned prices in {places}: let them be over, or cancel them."
        raise DomainError(
            ScheduledPricesExist(
                path=["input", "averageWeightGrams"], message=message, store_count=stores
            )
        )
