"""Takes the units of a substitute from stock and records their batches."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.fulfillment import Substitution
from models.stock import PickedBatch, StockMovementReason
from services.core.problems import DomainError
from services.stock import movements


async def issue_substitute_units(session: AsyncSession, substitute: Substitution) -> None:
    """Take the units of a substitute from stock and record their batches.

    Raises DomainError: InsufficientStock, at the path of the quantity.
    """
    try:
        issued = await movements.issue(
            session,
            company_id=substitute.company_id,
            store_id=substitute.store_id,
            lines={substitute.product_id: substitute.quantity},
            reason=StockMovementReason.SALE,
            reference=str(substitute.order_id),
            actor_id=substitute.proposed_by_id,
        )
    except DomainError as error:
        path = ["input", "quantity"]
        raise DomainError(*(replace(problem, path=path) for problem in error.problems)) from None
    for units in issued:
        if units.batch_id is not None:
            await _record_batch(session, substitute, units.batch_id, units.quantity)


async def _record_batch(
    session: AsyncSession, substitute: Substitution, batch_id: UUID, units: int
) -> None:
    picked_batch = await session.get(PickedBatch, (substitute.fulfillment_line_id, batch_id))
    if picked_batch is None:
        picked_batch = PickedBatch(
            fulfillment_line_id=substitute.fulfillment_line_id,
            batch_id=batch_id,
            order_id=substitute.order_id,
            company_id=substitute.company_id,
            store_id=substitute.store_id,
            product_id=substitute.product_id,
            quantity=0,
        )
        session.add(picked_batch)
    picked_batch.quantity += units
