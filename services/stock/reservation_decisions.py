"""Grants holds to many orders in one transaction: who came first is asked first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import kept
from services.stock import reservation_store
from services.stock.reservation_store import Counter, Place, Promise


@dataclass(frozen=True, slots=True)
class Held:
    """All that was wanted is held for the order, in this store."""

    store_id: UUID


@dataclass(frozen=True, slots=True)
class Short:
    """Nothing is held: these products had only so many units available."""

    lines: list[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class Request:
    """An order that waits for its holds."""

    company_id: UUID
    store_id: UUID
    order_id: UUID
    wanted: Mapping[UUID, int]
    hold_seconds: float


EARLIER = kept(
    text(
        """
    select distinct order_id, store_id from hold
    where order_id = any (cast(:orders as uuid[])) and status in ('HELD', 'CLAIMED')
    """
    )
)


async def grant(session: AsyncSession, batch: Sequence[Request]) -> list[Held | Short]:
    """Answer each request in the order of arrival and write the holds of those that win."""
    places = {(one.store_id, product) for one in batch for product in one.wanted}
    counters = await reservation_store.lock(session, places)
    earlier = await _earlier(session, batch)
    answers: list[Held | Short] = []
    granted: list[Request] = []
    for request in batch:
        answer = _decide(request, counters, earlier)
        answers.append(answer)
        if isinstance(answer, Held) and request.order_id not in earlier:
            earlier[request.order_id] = request.store_id
            granted.append(request)
    promises = [
        Promise(one.order_id, one.store_id, product, one.company_id, units)
        for one in granted
        for product, units in one.wanted.items()
    ]
    seconds = [float(one.hold_seconds) for one in granted for _ in one.wanted]
    await reservation_store.grant(session, promises, seconds, counters)
    return answers


def _decide(
    request: Request, counters: Mapping[Place, Counter], earlier: Mapping[UUID, UUID]
) -> Held | Short:
    if request.order_id in earlier:
        return Held(earlier[request.order_id])
    rows = {product: counters.get((request.store_id, product)) for product in request.wanted}
    short = [
        (product, row.available if row else 0)
        for product, row in rows.items()
        if row is None or row.available < request.wanted[product]
    ]
    if short:
        return Short(short)
    for product, row in rows.items():
        if row is not None:
            row.taken += request.wanted[product]
    return Held(request.store_id)


async def _earlier(session: AsyncSession, batch: Sequence[Request]) -> dict[UUID, UUID]:
    """Where the orders of a batch hold already: read after the lock, so nothing is missed."""
    rows = await session.execute(EARLIER, {"orders": [one.order_id for one in batch]})
    return dict(rows.all())
