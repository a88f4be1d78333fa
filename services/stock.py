"""Stock on the shelf: what a store has, what is promised of it, and the ledger of every change.

Rows are always locked in the order of (store, product), so two units of work never wait for each
other in a circle. Each change writes its ledger entry beside it: the entries sum to `on_hand`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order, Stock, StockEntry, StockReason
from services.event import happened, inventory_stream

Shelf = dict[UUID, Stock]
Shortage = tuple[UUID, int]
"""A product and how many of it were available."""


async def lock(
    session: AsyncSession, store_ids: Collection[UUID], product_ids: Collection[UUID]
) -> dict[UUID, Shelf]:
    """Lock these products' rows in these stores, all at once and in order; by store and product."""
    rows = await session.scalars(
        select(Stock)
        .where(Stock.store_id.in_(store_ids), Stock.product_id.in_(product_ids))
        .order_by(Stock.store_id, Stock.product_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    shelves: dict[UUID, Shelf] = {store_id: {} for store_id in store_ids}
    for row in rows:
        shelves[row.store_id][row.product_id] = row
    return shelves


async def restock(
    session: AsyncSession,
    order: Order,
    lines: Mapping[UUID, int],
    reason: StockReason,
    actor_id: UUID | None,
) -> None:
    """Put units of an order back on the shelf of the store that it stands at."""
    wanted = _counted(lines)
    if not wanted:
        return
    shelf = (await lock(session, [order.store_id], wanted))[order.store_id]
    for product_id, quantity in wanted.items():
        change(session, shelf[product_id], quantity, reason, str(order.id), actor_id)
    await session.flush()
    announce(session, shelf.values())


async def take(
    session: AsyncSession,
    store_id: UUID,
    company_id: UUID,
    lines: Mapping[UUID, int],
    reason: StockReason,
    reference: str,
    actor_id: UUID | None,
) -> list[Shortage]:
    """Take all of `lines` off a store's shelf, or nothing: then answers what falls short."""
    wanted = _counted(lines)
    if not wanted:
        return []
    shelf = (await lock(session, [store_id], wanted))[store_id]
    if short := shortages(shelf, wanted, company_id):
        return short
    for product_id, quantity in wanted.items():
        change(session, shelf[product_id], -quantity, reason, reference, actor_id)
    await session.flush()
    announce(session, shelf.values())
    return []


async def write_off(
    session: AsyncSession, order: Order, lines: Mapping[UUID, int], actor_id: UUID | None
) -> None:
    """Say that units sold were not on the shelf: the sale is undone and the loss is booked.

    `on_hand` stays as it is, for those units exist nowhere; the ledger tells both halves.
    """
    wanted = _counted(lines)
    if not wanted:
        return
    shelf = (await lock(session, [order.store_id], wanted))[order.store_id]
    for product_id, quantity in wanted.items():
        change(session, shelf[product_id], quantity, StockReason.RESTOCK, str(order.id), actor_id)
        change(session, shelf[product_id], -quantity, StockReason.SHORT, str(order.id), actor_id)
    await session.flush()
    announce(session, shelf.values())


def shortages(shelf: Shelf, wanted: Mapping[UUID, int], company_id: UUID) -> list[Shortage]:
    """What a locked shelf can't give: each such product with what is available of it."""
    short: list[Shortage] = []
    for product_id, quantity in wanted.items():
        row = shelf.get(product_id)
        left = available(row) if row is not None and row.company_id == company_id else 0
        if left < quantity:
            short.append((product_id, left))
    return short


def available(row: Stock) -> int:
    """Units that can still be promised."""
    return row.on_hand - row.held


def change(
    session: AsyncSession,
    row: Stock,
    delta: int,
    reason: StockReason,
    reference: str,
    actor_id: UUID | None,
) -> StockEntry:
    """Change a locked row by `delta` units and note it in the ledger."""
    row.on_hand += delta
    row.version += 1
    entry = StockEntry(
        company_id=row.company_id,
        store_id=row.store_id,
        product_id=row.product_id,
        delta=delta,
        reason=reason,
        reference=reference,
        actor_id=actor_id,
    )
    session.add(entry)
    return entry


def announce(session: AsyncSession, rows: Iterable[Stock]) -> None:
    """Tell the listeners of the rows' store what is on its shelf now."""
    changed = sorted(rows, key=lambda row: row.product_id)
    if not changed:
        return
    changes = [
        {
            "product_id": str(row.product_id),
            "on_hand": row.on_hand,
            "held": row.held,
            "version": row.version,
        }
        for row in changed
    ]
    first = changed[0]
    stream = inventory_stream(first.store_id)
    happened(session, stream, "STOCK_CHANGED", {"changes": changes}, company_id=first.company_id)


def _counted(lines: Mapping[UUID, int]) -> dict[UUID, int]:
    """The lines that move anything; a negative quantity would turn a verb into its opposite."""
    if any(quantity < 0 for quantity in lines.values()):
        raise ValueError("stock moves by whole, positive quantities")
    return {product_id: quantity for product_id, quantity in lines.items() if quantity}


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that its books do not explain: units by the row, and units by the books."""

    store_id: UUID
    product_id: UUID
    on_hand: int
    ledger: int
    held: int
    holds: int


CONSERVATION = text(
    """
    with ledger as (
        select store_id, product_id, sum(delta) as units from stock_entry group by 1, 2
    ), promised as (
        select store_id, product_id, sum(quantity) as units from hold
        where status = 'HELD' group by 1, 2
    )
    select store_id, product_id, coalesce(stock.on_hand, 0), coalesce(ledger.units, 0),
        coalesce(stock.held, 0), coalesce(promised.units, 0)
    from stock
    full join ledger using (store_id, product_id)
    full join promised using (store_id, product_id)
    where coalesce(stock.on_hand, 0) <> coalesce(ledger.units, 0)
        or coalesce(stock.held, 0) <> coalesce(promised.units, 0)
    order by store_id, product_id
    """
)


async def conservation(session: AsyncSession) -> list[Difference]:
    """Every row whose on_hand is not the sum of its ledger, or whose held is not its live holds.

    Empty means that no unit was made or lost. One statement, so one snapshot of what the session
    may see.
    """
    return [Difference(*row) for row in await session.execute(CONSERVATION)]
