"""How a product is kept and sold, in every store of its company."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, PriceChange, Product, TemperatureZone
from models.companies import Company
from models.identity import Actor
from services.catalog import listings
from services.catalog.scheduled_prices import LIVE
from services.catalog.weights import UNIT_GRAMS_MOST
from services.core.access import COMPANY_ROLES
from services.core.clock import moment
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.events.event_log import catalog_stream, happened

HEADROOM_MOST_BP = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesPlanned(Problem):
    """Stores have planned prices of the product: of a piece, or of a kilogram."""

    stores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """In which zone a product is kept, and what a piece weighs where it is sold by weight."""

    temperature_zone: TemperatureZone
    unit_grams: int | None = None


async def set_handling(
    session: AsyncSession, *, actor: Actor, product_id: UUID, handling: Handling
) -> Product:
    """Say how a product is kept and sold; its company's admins may.

    Pick lists and orders that are written from then on follow it. Sold by weight, it has a price
    of a kilogram in every store: such that a piece costs what it did. Refused: NotFound,
    InvalidInput, PricesPlanned when that would change what a planned price means.
    """
    grams = handling.unit_grams
    if grams is not None and not 1 <= grams <= UNIT_GRAMS_MOST:
        message = f"A piece weighs from 1 to {UNIT_GRAMS_MOST} grams."
        raise Refused(InvalidInput(path=["input", "unitGrams"], message=message))
    row = await session.scalar(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None or not actor.acts_for(row.company_id, COMPANY_ROLES):
        raise not_found(Product, "productId")
    await _weigh(session, row, grams)
    row.temperature_zone = handling.temperature_zone
    row.weighed, row.unit_grams = grams is not None, grams
    await session.flush()
    kept = {"temperature_zone": row.temperature_zone, "unit_grams": grams}
    body = {"product_id": row.id, **kept}
    stream = catalog_stream(row.company_id)
    happened(session, stream, "PRODUCT_CHANGED", body, company_id=row.company_id)
    return row


async def set_headroom(
    session: AsyncSession, *, actor: Actor, company_id: UUID, headroom_bp: int
) -> Company:
    """Hold so much beyond the estimate of what is sold by weight; a company's admins may.

    In hundredths of a percent. Orders already placed keep theirs. Refused: NotFound, InvalidInput.
    """
    row = await session.scalar(
        select(Company)
        .where(Company.id == company_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None or not actor.acts_for(row.id, COMPANY_ROLES):
        raise not_found(Company, "companyId")
    if not 0 <= headroom_bp <= HEADROOM_MOST_BP:
        message = f"From 0 to {HEADROOM_MOST_BP} hundredths of a percent."
        raise Refused(InvalidInput(path=["input", "headroomBp"], message=message))
    row.weighed_headroom_bp = headroom_bp
    await session.flush()
    body = {"weighed_headroom_bp": headroom_bp}
    happened(session, catalog_stream(row.id), "HEADROOM_CHANGED", body, company_id=row.id)
    return row


async def _weigh(session: AsyncSession, product: Product, unit_grams: int | None) -> None:
    """Sell a product by another weight, or not by weight any more, in every store."""
    if product.unit_grams == unit_grams:
        return
    rows = await session.scalars(
        select(Listing)
        .where(Listing.product_id == product.id)
        .order_by(Listing.store_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    sold = rows.all()
    if (product.unit_grams is None) is not (unit_grams is None):
        await _unplanned(session, product)
    now = await moment(session)
    changed = [listing for listing in sold if listings.weigh(listing, unit_grams, now)]
    await session.flush()
    for listing in changed:
        listings.tell(session, listing)


async def _unplanned(session: AsyncSession, product: Product) -> None:
    stores = select(func.count(PriceChange.store_id.distinct())).where(
        PriceChange.product_id == product.id, PriceChange.status.in_(LIVE)
    )
    if planned := await session.scalar(stores):
        message = f"{planned} stores have planned prices of it: let them be over, or cancel them."
        raise Refused(PricesPlanned(path=["input", "unitGrams"], message=message, stores=planned))
