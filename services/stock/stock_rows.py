"""One place on the shelf: its counter row, locked and changed with its ledger entry beside it.

Rows are always locked in the order of (store, product), so two units of work never wait for each
other in a circle. Each change writes its ledger entry: the entries sum to the counters.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.stock import Stock, StockBatch, StockEntry, StockReason
from services.events.event_log import happened, inventory_stream

Shelf = dict[UUID, Stock]
Shortage = tuple[UUID, int]
"""A product and how many of it were available."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a counter changes, what that refers to, and whose doing it is."""

    reason: StockReason
    reference: str
    actor_id: UUID | None


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
    """Change on_hand of a locked row by `delta` units of no known batch, and note it."""
    return move(session, row, Cause(reason, reference, actor_id), delta)


def move(
    session: AsyncSession,
    row: Stock,
    cause: Cause,
    delta: int = 0,
    *,
    damaged: int = 0,
    incoming: int = 0,
    batch: StockBatch | None = None,
    of_batch: int = 0,
) -> StockEntry:
    """Change the counters of a locked row and of a batch in it, and note it in the ledger.

    `of_batch` is the change of the batch's on_hand; its `damaged` changes with the row's.
    """
    row.on_hand += delta
    row.damaged += damaged
    row.incoming += incoming
    if delta or damaged or incoming:
        row.version += 1
    if batch is not None:
        batch.on_hand += of_batch
        batch.damaged += damaged
    entry = StockEntry(
        company_id=row.company_id,
        store_id=row.store_id,
        product_id=row.product_id,
        delta=delta,
        damaged_delta=damaged,
        incoming_delta=incoming,
        batch_id=None if batch is None else batch.id,
        batch_delta=of_batch,
        reason=cause.reason,
        reference=cause.reference,
        actor_id=cause.actor_id,
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
            "damaged": row.damaged,
            "incoming": row.incoming,
        }
        for row in changed
    ]
    first = changed[0]
    stream = inventory_stream(first.store_id)
    happened(session, stream, "STOCK_CHANGED", {"changes": changes}, company_id=first.company_id)


async def stand(
    session: AsyncSession, company_id: UUID, store_id: UUID, product_ids: Collection[UUID]
) -> Shelf:
    """Lock these products' rows in a store; those of the company that have none yet get one.

    A product that the company doesn't have is missing in the answer. Rows are made before any is
    locked: whoever waits for another's new row holds nothing that the other could want.
    """
    wanted = sorted(set(product_ids))
    here = (Stock.store_id == store_id) & (Stock.product_id == Product.id)
    bare = select(Product.id).outerjoin(Stock, here).where(Stock.store_id.is_(None))
    ours = bare.where(Product.id.in_(wanted), Product.company_id == company_id)
    if missing := (await session.scalars(ours.order_by(Product.id))).all():
        counters = {"on_hand": 0, "held": 0, "damaged": 0, "incoming": 0, "version": 1}
        at = {"store_id": store_id, "company_id": company_id, **counters}
        rows = [{"product_id": product_id, **at} for product_id in missing]
        await session.execute(insert(Stock).on_conflict_do_nothing(), rows)
    shelf = (await lock(session, [store_id], wanted))[store_id]
    return {key: row for key, row in shelf.items() if row.company_id == company_id}
