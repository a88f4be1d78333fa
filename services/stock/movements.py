"""Movements of units for orders, transfers, suppliers and the counter.

Each function locks the stock rows that it changes, writes the ledger, and records one STOCK_CHANGED
event for the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.message_text import count_text
from models.orders import Order
from models.stock import PickedBatch, StockBatch, StockMovement, StockMovementReason
from services.carts.basket_problems import InsufficientStock
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.stock import batches
from services.stock.stock_rows import Shortage, ensure_and_lock, find_shortages, lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed, record_movement


@dataclass(frozen=True, slots=True)
class IssuedUnits:
    """Units that left a store: all of one batch, or of no known batch."""

    product_id: UUID
    quantity: int
    batch_id: UUID | None = None
    batch_code: str | None = None
    sell_by_date: date | None = None


async def restock(
    session: AsyncSession,
    order: Order,
    lines: Mapping[UUID, int],
    reason: StockMovementReason,
    actor_id: UUID | None,
    line_id: UUID | None = None,
) -> None:
    """Return unpicked units of an order, or units of one of its lines, to the stock of its store.

    Units of a line return to the batches that they were picked from; unpicked ones never left them.
    """
    await restock_and_write_off(session, order, lines, {}, reason, actor_id, line_id)


async def deduct(
    session: AsyncSession,
    store_id: UUID,
    company_id: UUID,
    lines: Mapping[UUID, int],
    reason: StockMovementReason,
    reference: str,
    actor_id: UUID | None,
) -> list[Shortage]:
    """Deduct all `lines` (units by product) from a store's stock, or nothing; returns shortages.

    Batches keep their units: a sold unit leaves its batch when it is picked.
    """
    quantities = _without_zeros(lines)
    if not quantities:
        return []
    rows = (await lock_rows(session, [store_id], quantities))[store_id]
    if shortages := find_shortages(rows, quantities, company_id):
        return shortages
    cause = MovementCause(reason, reference, actor_id)
    for product_id, quantity in quantities.items():
        record_movement(session, rows[product_id], cause, -quantity)
    await session.flush()
    publish_stock_changed(session, rows.values())
    return []


async def issue(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Mapping[UUID, int],
    reason: StockMovementReason,
    reference: str,
    actor_id: UUID | None,
) -> list[IssuedUnits]:
    """Take all `lines` out of a store now, first expired first out, or nothing; returns batches.

    Reserved, recalled and expired units are not issued. Raises DomainError: InvalidInput, and
    InsufficientStock for each product with too few units, at path `input.lines.<position>`.
    """
    quantities = _checked_quantities(lines)
    cause = MovementCause(reason, reference, actor_id)
    rows = (await lock_rows(session, [store_id], quantities))[store_id]
    in_stock = await batches.load_in_stock(session, store_id, quantities)
    for product_id, product_batches in in_stock.items():
        batches.set_aside(session, rows[product_id], product_batches, cause)
    if shortages := dict(find_shortages(rows, quantities, company_id)):
        raise DomainError(*_insufficient(list(lines), shortages))
    issued: list[IssuedUnits] = []
    for product_id, quantity in quantities.items():
        product_batches, row = in_stock.get(product_id, []), rows[product_id]
        batches_by_id = {batch.id: batch for batch in product_batches}
        entries = batches.remove_units(session, row, product_batches, quantity, cause)
        issued += [_issued(entry, batches_by_id) for entry in entries]
    await session.flush()
    publish_stock_changed(session, rows.values())
    return issued


async def change_incoming(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Mapping[UUID, int],
    reference: str = "",
    actor_id: UUID | None = None,
) -> None:
    """Change the incoming units of a store by `lines` (below 0: fewer).

    Raises DomainError: NotFound for a product of another company, InvalidInput when fewer than 0
    would be incoming.
    """
    deltas = {product_id: units for product_id, units in lines.items() if units}
    if not deltas:
        return
    cause = MovementCause(StockMovementReason.INCOMING, reference, actor_id)
    rows = await ensure_and_lock(session, company_id, store_id, deltas)
    for position, (product_id, units) in enumerate(deltas.items()):
        path = ("lines", str(position), "productId")
        if (row := rows.get(product_id)) is None:
            raise not_found(Product, *path)
        if row.incoming + units < 0:
            message = f"At most {count_text(row.incoming, 'unit')} can be taken back."
            raise DomainError(InvalidInput(path=["input", *path], message=message))
        record_movement(session, row, cause, incoming_delta=units)
    await session.flush()
    publish_stock_changed(session, rows.values())


async def record_pick_shortage(
    session: AsyncSession, order: Order, lines: Mapping[UUID, int], actor_id: UUID | None
) -> None:
    """Record that sold units were not found: undo their sale and write the same units off.

    `on_hand` does not change; the ledger has both movements. Units of a batch that must not be
    sold are set aside instead, because the picker left them in place.
    """
    await restock_and_write_off(session, order, {}, lines, StockMovementReason.RESTOCK, actor_id)


async def restock_and_write_off(
    session: AsyncSession,
    order: Order,
    returned: Mapping[UUID, int],
    lost: Mapping[UUID, int],
    reason: StockMovementReason,
    actor_id: UUID | None,
    line_id: UUID | None = None,
) -> None:
    """Restock `returned` units of an order and write off `lost` ones under one lock.

    With `line_id` the returned units were picked for that line; without it nobody has picked them.
    """
    returned, lost = _without_zeros(returned), _without_zeros(lost)
    products = {*returned, *lost}
    if not products:
        return
    reference = str(order.id)
    return_cause = MovementCause(reason, reference, actor_id)
    unsold_cause = MovementCause(StockMovementReason.RESTOCK, reference, actor_id)
    loss_cause = MovementCause(StockMovementReason.PICK_SHORTAGE, reference, actor_id)
    rows = (await lock_rows(session, [order.store_id], products))[order.store_id]
    picks: dict[UUID, list[PickedBatch]] = {}
    if line_id is not None:
        picks = await batches.picked_batches_of_line(session, line_id, returned)
    picked_ids = [pick.batch_id for batch_picks in picks.values() for pick in batch_picks]
    in_stock: batches.BatchesByProduct = {}
    if picked_ids or lost:
        in_stock = await batches.load_in_stock(session, order.store_id, lost, picked_ids)
    for key in sorted(products):
        row, product_batches = rows[key], in_stock.get(key, [])
        if units := returned.get(key, 0):
            product_picks = picks.get(key, [])
            batches.return_units(session, row, product_picks, product_batches, units, return_cause)
        if units := lost.get(key, 0):
            record_movement(session, row, unsold_cause, units)
            batches.write_off_missing(session, row, product_batches, units, loss_cause)
    await session.flush()
    publish_stock_changed(session, rows.values())


def _without_zeros(lines: Mapping[UUID, int]) -> dict[UUID, int]:
    """The lines with at least one unit; raises ValueError for a negative quantity."""
    if any(quantity < 0 for quantity in lines.values()):
        raise ValueError("quantities of stock movements must not be negative")
    return {product_id: quantity for product_id, quantity in lines.items() if quantity}


def _checked_quantities(lines: Mapping[UUID, int]) -> dict[UUID, int]:
    """The lines themselves; InvalidInput for each with less than one unit."""
    problems = [
        InvalidInput(
            path=["input", "lines", str(n), "quantity"], message="A quantity is at least 1."
        )
        for n, quantity in enumerate(lines.values())
        if quantity < 1
    ]
    if problems:
        raise DomainError(*problems)
    return dict(lines)


def _insufficient(products: list[UUID], shortages: Mapping[UUID, int]) -> list[Problem]:
    return [
        InsufficientStock(
            path=["input", "lines", str(n), "quantity"],
            message=f"At most {count_text(shortages[product_id], 'unit')} can be taken.",
            product_id=product_id,
            available=shortages[product_id],
        )
        for n, product_id in enumerate(products)
        if product_id in shortages
    ]


def _issued(entry: StockMovement, batches_by_id: Mapping[UUID, StockBatch]) -> IssuedUnits:
    units = -entry.on_hand_delta
    if entry.batch_id is None:
        return IssuedUnits(entry.product_id, units)
    batch = batches_by_id[entry.batch_id]
    return IssuedUnits(entry.product_id, units, batch.id, batch.code, batch.sell_by_date)
