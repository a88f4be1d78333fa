"""Reads deliveries: those of a store that have not ended."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import OPEN_DELIVERY_SQL, Delivery
from models.identity import Actor
from models.stores import Store
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import not_found
from services.delivery.delivery_states import STORE_AND_SUPPORT_ROLES


async def list_of_store(
    session: AsyncSession, *, actor: Actor, store_id: UUID, first: int, cursor: str | None
) -> Page[Delivery]:
    """A page of a store's deliveries that have not ended, oldest first, for staff and support.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    store = await session.get(Store, store_id)
    if store is None or not actor.has_store_role(
        store.company_id, store.id, STORE_AND_SUPPORT_ROLES
    ):
        raise not_found(Store, "storeId")
    statement = select(Delivery).where(Delivery.store_id == store_id, text(OPEN_DELIVERY_SQL))
    if (start := decode_cursor(cursor, Delivery.id)) is not None:
        statement = statement.where(Delivery.id > start[0])
    deliveries = (await session.scalars(statement.order_by(Delivery.id).limit(first + 1))).all()
    return build_page(deliveries, first, lambda delivery: (str(delivery.id),))
