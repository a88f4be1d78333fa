"""Has products counted that a store does not find: in their active counts, or in a new one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountLine, StockCountStatus
from models.stores import Store
from services.core.problems import DomainError
from services.counting import count_opening
from services.counting.count_states import change_status
from services.counting.stock_counts import UNCOUNTED


async def count_anew(
    session: AsyncSession,
    store_id: UUID,
    products: Sequence[UUID],
    note: str,
    person_id: UUID | None,
) -> None:
    """Have products counted: in their active counts, or in a new one of this member of the staff.

    A line that was counted before found units that the store does not find now, and its approval
    would change nothing: it is counted again. A submitted count goes back to its staff for that.
    Call it before stock rows are locked, or after `lock_counted_lines`.
    """
    lines = await lock_counted_lines(session, store_id, products)
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
    if left := [key for key in dict.fromkeys(products) if key not in counted]:
        await _open_count(session, store_id, left, note, person_id)


async def lock_counted_lines(
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
    session: AsyncSession,
    store_id: UUID,
    products: Sequence[UUID],
    note: str,
    person_id: UUID | None,
) -> None:
    """Open a count of products that are in no active count."""
    store = await session.get_one(Store, store_id)
    try:
        async with session.begin_nested():
            await count_opening.open_count(session, store, products, note, person_id)
    except DomainError as error:
        # Otherwise another count of the same products was opened at the same moment.
        if any(not isinstance(one, count_opening.StockCountInProgress) for one in error.problems):
            raise
