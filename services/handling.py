"""How a product is kept and sold, in every store of its company."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Actor, Product, TemperatureZone
from services.event import catalog_stream, happened
from services.refusal import not_found
from services.staff import COMPANY_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """In which zone a product is kept."""

    temperature_zone: TemperatureZone


async def set_handling(
    session: AsyncSession, *, actor: Actor, product_id: UUID, handling: Handling
) -> Product:
    """Say how a product is kept; its company's admins may.

    Pick lists that are written from then on follow it. Refused: NotFound.
    """
    row = await session.scalar(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or not actor.acts_for(row.company_id, COMPANY_ROLES):
        raise not_found(Product, "productId")
    row.temperature_zone = handling.temperature_zone
    await session.flush()
    body = {"product_id": row.id, "temperature_zone": row.temperature_zone}
    stream = catalog_stream(row.company_id)
    happened(session, stream, "PRODUCT_CHANGED", body, company_id=row.company_id)
    return row
