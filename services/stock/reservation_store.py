"""The one way in which units are promised, sold to whom they were promised, and let go again.

Every verb of a hold takes many orders at once: it locks the shelves in the order of
(store, product), reckons here, and writes counters, holds and ledger by one statement. The events
tell each store once. A promise ends under its own lock, taken before the shelf's, so that whoever
comes second finds nothing left to end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import uuid7
from database.outbox import count
from models.stock import HoldStatus, StockReason
from services.events.event_log import happened, inventory_stream
from services.stock.reservation_sql import END, EXTEND, GRANT, LOCK

Place = tuple[UUID, UUID]
"""A store and a product."""
VERBS = ("hold", "extend", "claim", "release", "expire")
ORDERS, UNITS = "orders", "units"
ENDS = {
    "claim": HoldStatus.CLAIMED,
    "release": HoldStatus.RELEASED,
    "expire": HoldStatus.EXPIRED,
}


@dataclass(slots=True)
class Counter:
    """A locked stock row, and what a batch changes of it."""

    company_id: UUID
    on_hand: int
    held: int
    damaged: int
    incoming: int
    version: int
    taken: int = 0
    """Units that the batch promises; below 0, those whose promise it ends."""
    sold: int = 0
    """Units that leave the shelf by it."""

    @property
    def available(self) -> int:
        """Units that can still be promised."""
        return self.on_hand - self.held - self.taken


class Promise(NamedTuple):
    """Units of one product that a store holds, or is to hold, for an order."""

    order_id: UUID
    store_id: UUID
    product_id: UUID
    company_id: UUID
    units: int


class Ending(NamedTuple):
    """A promise that ends, how, and by whose doing."""

    promise: Promise
    status: HoldStatus
    actor_id: UUID | None = None


async def lock(session: AsyncSession, places: Collection[Place]) -> dict[Place, Counter]:
    """The counters of these places, locked in order."""
    wanted = sorted(places)
    rows = await session.execute(
        LOCK, {"stores": [s for s, _ in wanted], "products": [p for _, p in wanted]}
    )
    return {(store, product): Counter(*counters) for store, product, *counters in rows}


async def lock_held(
    session: AsyncSession, which: TextClause, **given: Any
) -> tuple[list[Promise], dict[Place, Counter]]:
    """What is promised, locked, and after it the counters of those places, locked in order.

    `which` is LOCK_OF_ORDERS (of `orders`) or LOCK_RAN_OUT (`most` promises, `orphan_seconds`).
    """
    rows = await session.execute(which, given)
    promises, counters = [], {}
    for order_id, units, store_id, product_id, *figures in rows:
        row = counters[store_id, product_id] = Counter(*figures)
        promises.append(Promise(order_id, store_id, product_id, row.company_id, units))
    return promises, counters


async def grant(
    session: AsyncSession,
    promises: Sequence[Promise],
    hold_seconds: Sequence[float],
    counters: Mapping[Place, Counter],
) -> None:
    """Write promises, each for so many seconds, whose units are taken of locked places already."""
    if not promises:
        return
    orders, stores, products, companies, units = zip(*promises, strict=True)
    given = {
        "hold_orders": orders,
        "hold_stores": stores,
        "hold_products": products,
        "hold_companies": companies,
        "hold_units": units,
        "hold_seconds": hold_seconds,
    }
    await _write(session, GRANT, given, counters)
    _count(session, "hold", promises)


async def end(
    session: AsyncSession, endings: Sequence[Ending], counters: Mapping[Place, Counter]
) -> None:
    """End promises that are locked: what is CLAIMED is sold, all else is back on the shelf."""
    if not endings:
        return
    for one, status, _ in endings:
        row = counters[one.store_id, one.product_id]
        row.taken -= one.units
        row.sold += one.units if status is HoldStatus.CLAIMED else 0
    sales = [one for one in endings if one.status is HoldStatus.CLAIMED]
    orders, stores, products, _, _ = zip(*(one.promise for one in endings), strict=True)
    given = {
        "hold_orders": orders,
        "hold_stores": stores,
        "hold_products": products,
        "statuses": [one.status for one in endings],
        **_booked(sales),
    }
    await _write(session, END, given, counters)
    for verb, status in ENDS.items():
        _count(session, verb, [one.promise for one in endings if one.status is status])


async def extend(session: AsyncSession, order_id: UUID, until: datetime) -> int:
    """Keep what is promised to an order until then at least; answers how many promises."""
    found = await session.execute(EXTEND, {"order_id": order_id, "until": until})
    promises = [Promise(order_id, *row) for row in found]
    _count(session, "extend", promises)
    return len(promises)


def _booked(sales: Sequence[Ending]) -> dict[str, Any]:
    """The entries of the ledger, column by column."""
    sold = [one.promise for one in sales]
    return {
        "reason": StockReason.SALE,
        "sale_ids": [uuid7() for _ in sales],
        "sale_companies": [one.company_id for one in sold],
        "sale_stores": [one.store_id for one in sold],
        "sale_products": [one.product_id for one in sold],
        "sale_units": [one.units for one in sold],
        "sale_orders": [str(one.order_id) for one in sold],
        "sale_actors": [one.actor_id for one in sales],
    }


async def _write(
    session: AsyncSession,
    statement: TextClause,
    given: Mapping[str, Any],
    counters: Mapping[Place, Counter],
) -> None:
    """Write promises along with the counters that they change, and tell the stores."""
    changed = {place: row for place, row in counters.items() if row.taken}
    shelves = {
        "stores": [store for store, _ in changed],
        "products": [product for _, product in changed],
        "taken": [row.taken for row in changed.values()],
        "sold": [row.sold for row in changed.values()],
    }
    written, due = await session.scalar(statement, {**shelves, **given}), len(given["hold_orders"])
    if written != due:
        # The counters would say other than the holds do: none of it is kept.
        raise RuntimeError(f"{written} of {due} holds could be written")
    for store_id, rows in groupby(changed.items(), lambda one: one[0][0]):
        of_store = list(rows)
        body = {"changes": [_change(place, row) for place, row in of_store]}
        company_id = of_store[0][1].company_id
        happened(session, inventory_stream(store_id), "STOCK_CHANGED", body, company_id=company_id)


def _change(place: Place, row: Counter) -> dict[str, Any]:
    return {
        "product_id": str(place[1]),
        "on_hand": row.on_hand - row.sold,
        "held": row.held + row.taken,
        "version": row.version + 1,
        "damaged": row.damaged,
        "incoming": row.incoming,
    }


def _count(session: AsyncSession, verb: str, promises: Sequence[Promise]) -> None:
    """Count what a verb did, for those who look at the process."""
    if promises:
        count(session, verb, ORDERS, len({one.order_id for one in promises}))
        count(session, verb, UNITS, sum(one.units for one in promises))
