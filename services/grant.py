"""The statements and the arithmetic by which one transaction grants holds to many orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.light import kept
from services.event import happened, inventory_stream

Place = tuple[UUID, UUID]
"""A store and a product."""


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


@dataclass(slots=True)
class Counter:
    """A locked stock row while a batch is being granted."""

    on_hand: int
    held: int
    version: int
    taken: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.held - self.taken


LOCK = kept(
    text(
        """
    select s.store_id, s.product_id, s.on_hand, s.held, s.version
    from stock s
    join unnest(cast(:stores as uuid[]), cast(:products as uuid[])) as wanted (store, product)
        on s.store_id = wanted.store and s.product_id = wanted.product
    order by s.store_id, s.product_id
    for no key update of s
    """
    )
)
EARLIER = kept(
    text(
        """
    select distinct order_id, store_id from hold
    where order_id = any (cast(:orders as uuid[])) and status in ('HELD', 'CLAIMED')
    """
    )
)
# A hold that was given back may be granted to its order again; a live one is never counted twice.
GRANT = kept(
    text(
        """
    with counted as (
        update stock s set held = s.held + taken.units, version = s.version + 1
        from unnest(cast(:stores as uuid[]), cast(:products as uuid[]), cast(:units as int[]))
            as taken (store, product, units)
        where s.store_id = taken.store and s.product_id = taken.product
    ), granted as (
        insert into hold as h (order_id, store_id, product_id, company_id, quantity, status,
                               expires_at)
        select o, s, p, c, q, 'HELD', clock_timestamp() + make_interval(secs => t)
        from unnest(cast(:hold_orders as uuid[]), cast(:hold_stores as uuid[]),
                    cast(:hold_products as uuid[]), cast(:hold_companies as uuid[]),
                    cast(:hold_units as int[]), cast(:hold_seconds as float8[]))
            as new (o, s, p, c, q, t)
        order by o, s, p
        on conflict (order_id, store_id, product_id) do update
            set quantity = excluded.quantity, status = 'HELD', expires_at = excluded.expires_at,
                created_at = now()
            where h.status in ('RELEASED', 'EXPIRED')
        returning 1
    )
    select count(*) from granted
    """
    )
)


async def grant(session: AsyncSession, batch: Sequence[Request]) -> list[Held | Short]:
    """Answer each request in the order of arrival and write the holds of those that win."""
    counters = await _locked(session, batch)
    earlier = await _earlier(session, batch)
    answers: list[Held | Short] = []
    granted: list[Request] = []
    for request in batch:
        answer = _decide(request, counters, earlier)
        answers.append(answer)
        if isinstance(answer, Held) and request.order_id not in earlier:
            earlier[request.order_id] = request.store_id
            granted.append(request)
    await _write(session, granted, counters)
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


async def _locked(session: AsyncSession, batch: Sequence[Request]) -> dict[Place, Counter]:
    places = sorted({(one.store_id, product) for one in batch for product in one.wanted})
    rows = await session.execute(
        LOCK, {"stores": [s for s, _ in places], "products": [p for _, p in places]}
    )
    return {(s, p): Counter(on_hand, held, version) for s, p, on_hand, held, version in rows}


async def _earlier(session: AsyncSession, batch: Sequence[Request]) -> dict[UUID, UUID]:
    """Where the orders of a batch hold already: read after the lock, so nothing is missed."""
    rows = await session.execute(EARLIER, {"orders": [one.order_id for one in batch]})
    return dict(rows.all())


async def _write(
    session: AsyncSession, granted: Sequence[Request], counters: Mapping[Place, Counter]
) -> None:
    taken = {place: counter for place, counter in counters.items() if counter.taken}
    if not granted:
        return
    lines = [(one, product, units) for one in granted for product, units in one.wanted.items()]
    written = await session.scalar(
        GRANT,
        {
            "stores": [store for store, _ in taken],
            "products": [product for _, product in taken],
            "units": [counter.taken for counter in taken.values()],
            "hold_orders": [one.order_id for one, _, _ in lines],
            "hold_stores": [one.store_id for one, _, _ in lines],
            "hold_products": [product for _, product, _ in lines],
            "hold_companies": [one.company_id for one, _, _ in lines],
            "hold_units": [units for _, _, units in lines],
            "hold_seconds": [float(one.hold_seconds) for one, _, _ in lines],
        },
    )
    if written != len(lines):
        # Units would be counted that no hold speaks of: none of it is kept, and each tries again.
        raise RuntimeError(f"{written} of {len(lines)} holds could be written")
    companies = {one.store_id: one.company_id for one in granted}
    for store_id, company_id in companies.items():
        changes = [_change(place, row) for place, row in taken.items() if place[0] == store_id]
        body = {"changes": changes}
        stream = inventory_stream(store_id)
        happened(session, stream, "STOCK_CHANGED", body, company_id=company_id)


def _change(place: Place, row: Counter) -> dict[str, Any]:
    return {
        "product_id": str(place[1]),
        "on_hand": row.on_hand,
        "held": row.held + row.taken,
        "version": row.version + 1,
    }
