"""Takes off sale what a store does not find, and has it counted: at a rejection and at picking.

A picker who finds no unit of a line takes the product off sale at once: the next customer would pay
for nothing. One who finds a part has seen the product, so that it stays on sale; it is counted once
the order is packed, because until then each scanned unit is a pick of a part.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountLine, StockCountStatus
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentRejectReason,
)
from models.identity import Actor
from services.core.problems import DomainError
from services.counting import count_opening
from services.counting.count_opening import CountSelection
from services.counting.count_states import change_status
from services.counting.stock_counts import UNCOUNTED
from services.fulfillment import picking, rerouting
from services.fulfillment.fulfillment_states import PACK, PICK_LINE, REJECT, PickingTask, begin
from services.fulfillment.picking import LinePick
from services.stock import off_sale


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    reason: FulfillmentRejectReason,
    missing_line_ids: Collection[UUID] = (),
    expected_version: int | None = None,
) -> Fulfillment:
    """Reject an order; products that are out of stock go off sale and are counted.

    Raises DomainError: as `rerouting.reject`.
    """
    products: Sequence[UUID] = ()
    if reason is FulfillmentRejectReason.OUT_OF_STOCK:
        task = await begin(session, actor, fulfillment_id, REJECT, expected_version)
        products = rerouting.missing_products(task.lines, missing_line_ids)
        # Counts are locked before stock rows, as everywhere.
        await _lock_lines(session, task.fulfillment.store_id, products)
    fulfillment = await rerouting.reject(
        session,
        actor=actor,
        fulfillment_id=fulfillment_id,
        reason=reason,
        missing_line_ids=missing_line_ids,
        expected_version=expected_version,
    )
    if products:
        note = f"Order {fulfillment.order_code} was rejected as out of stock."
        await _count_anew(session, actor, fulfillment.store_id, products, note)
    return fulfillment


async def pick_line(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    pick: LinePick,
    expected_version: int | None = None,
) -> Fulfillment:
    """Record the units found of a line; a product of which none is found goes off sale.

    Damaged units count as found. A repeated pick changes nothing more. Raises DomainError: as
    `picking.pick_line`.
    """
    arguments: dict[str, Any] = {"actor": actor, "fulfillment_id": fulfillment_id}
    arguments["expected_version"] = expected_version
    if pick.quantity:
        return await picking.pick_line(session, pick=pick, **arguments)
    task = await begin(session, actor, fulfillment_id, PICK_LINE, expected_version)
    store_id, before = task.fulfillment.store_id, _products_not_found(task)
    await _lock_lines(session, store_id, [line.product_id for line in task.lines])
    fulfillment = await picking.pick_line(session, pick=pick, **arguments)
    products = [key for key in _products_not_found(task) if key not in before]
    if products:
        reference = str(fulfillment_id)  # no movement of the order's own units
        person_id = actor.person_id
        await off_sale.write_off_available(session, store_id, products, reference, person_id)
        note = f"No unit was found for order {fulfillment.order_code}."
        await _count_anew(session, actor, store_id, products, note)
    return fulfillment


async def pack(
    session: AsyncSession,
    *,
    actor: Actor,
    fulfillment_id: UUID,
    bags: int,
    expected_version: int | None = None,
) -> Fulfillment:
    """Close the bags; products of which a part was found are counted.

    Raises DomainError: as `picking.pack`.
    """
    task = await begin(session, actor, fulfillment_id, PACK, expected_version)
    lines = (line for line in task.lines if line.picked_quantity and _has_missing_units(line))
    products = [line.product_id for line in lines]
    if products:
        await _lock_lines(session, task.fulfillment.store_id, products)
    fulfillment = await picking.pack(
        session,
        actor=actor,
        fulfillment_id=fulfillment_id,
        bags=bags,
        expected_version=expected_version,
    )
    if products:
        note = f"Units were missing for order {fulfillment.order_code}."
        await _count_anew(session, actor, fulfillment.store_id, products, note)
    return fulfillment


def _products_not_found(task: PickingTask) -> list[UUID]:
    """The products of the lines of which nothing is in the bag and units are missing."""
    lines = (line for line in task.lines if not line.picked_quantity)
    return [line.product_id for line in lines if _has_missing_units(line)]


def _has_missing_units(line: FulfillmentLine) -> bool:
    """Whether a line was looked for and not all of it was found, damaged units included."""
    return line.missing_quantity > line.damaged_quantity


async def _count_anew(
    session: AsyncSession, actor: Actor, store_id: UUID, products: Sequence[UUID], note: str
) -> None:
    """Have products counted after they went off sale: in their active counts, or in a new one.

    A line that was counted before found units that the store does not find now, and its approval
    would change nothing: it is counted again. A submitted count goes back to its staff for that.
    """
    lines = await _lock_lines(session, store_id, products)
    for count in {count.id: count for _, count in lines}.values():
        if count.status is StockCountStatus.SUBMITTED:
            count.count_round += 1
            count.submitted_by_id, count.submitted_at = None, None
            await change_status(session, count, StockCountStatus.IN_PROGRESS)
    for line, _ in lines:
        for name, value in UNCOUNTED.items():
            setattr(line, name, value)
    await session.flush()
    counted = {line.product_id for line, _ in lines}
    if left := tuple(key for key in products if key not in counted):
        await _open_count(session, actor, store_id, left, note)


async def _lock_lines(
    session: AsyncSession, store_id: UUID, products: Sequence[UUID]
) -> Sequence[tuple[StockCountLine, StockCount]]:
    """The lines of active counts of these products, locked after their counts."""
    of_products = (
        StockCountLine.store_id == store_id,
        StockCountLine.live,
        StockCountLine.product_id.in_(products),
    )
    counts = select(StockCountLine.count_id).where(*of_products)
    statement = select(StockCount).where(StockCount.id.in_(counts)).order_by(StockCount.id)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    by_id = {count.id: count for count in await session.scalars(locked)}
    if not by_id:
        return []
    lines = select(StockCountLine).where(*of_products, StockCountLine.count_id.in_(by_id))
    found = await session.scalars(
        lines.order_by(StockCountLine.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [(line, by_id[line.count_id]) for line in found]


async def _open_count(
    session: AsyncSession, actor: Actor, store_id: UUID, products: tuple[UUID, ...], note: str
) -> None:
    """Open a count of products that are in no active count."""
    selection = CountSelection(product_ids=products)
    try:
        async with session.begin_nested():
            await count_opening.start(
                session, actor=actor, store_id=store_id, selection=selection, note=note
            )
    except DomainError as error:
        # Otherwise another count of the same products was opened at the same moment.
        if any(not isinstance(one, count_opening.StockCountInProgress) for one in error.problems):
            raise
