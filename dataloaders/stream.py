"""Batch reads of the rows that messages of streams speak of, as far as the scope may see them."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Delivery, DeliveryOffer, Keyed, Ticket, TicketMessage

Row = TypeVar("Row", bound=Keyed)


async def ticket_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Ticket | None]:
    return await _by_id(session, Ticket, ids)


async def message_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[TicketMessage | None]:
    return await _by_id(session, TicketMessage, ids)


async def delivery_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[Delivery | None]:
    return await _by_id(session, Delivery, ids)


async def offer_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[DeliveryOffer | None]:
    return await _by_id(session, DeliveryOffer, ids)


async def _by_id(session: AsyncSession, model: type[Row], ids: Sequence[UUID]) -> list[Row | None]:
    rows = await session.scalars(select(model).where(model.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(key) for key in ids]
