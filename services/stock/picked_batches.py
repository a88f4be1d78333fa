"""Which batches the units in a picker's hands are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.base import words
from database.statements import kept
from models.fulfillment import UNPICKED, Fulfillment, FulfillmentLine, FulfillmentStatus
from models.stock import BatchStatus, PickedBatch, Stock, StockBatch, StockReason
from services.core.problems import InvalidInput, Problem, Refused
from services.stock import batches
from services.stock.batches import Share
from services.stock.stock_rows import Cause, move

# While the bags are open, what is sold and not picked stands on the shelf.
OPEN_BAGS = (
    FulfillmentStatus.QUEUED,
    FulfillmentStatus.ACCEPTED,
    FulfillmentStatus.PICKING,
    FulfillmentStatus.AWAITING_SUBSTITUTION,
)
_BATCHED = (
    select(StockBatch.id)
    .where(StockBatch.store_id == Stock.store_id, StockBatch.product_id == Stock.product_id)
    .exists()
)
COUNTER = kept(
    select(Stock)
    .where(Stock.store_id == bindparam("store"), Stock.product_id == bindparam("product"))
    .where(_BATCHED)
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
PICKS = kept(
    select(PickedBatch)
    .where(PickedBatch.fulfillment_line_id == bindparam("line"))
    .where(PickedBatch.product_id == bindparam("product"))
    .execution_options(populate_existing=True)
)
LAST_TO_EXPIRE = kept(
    select(StockBatch)
    .where(StockBatch.id == any_(bindparam("batches", type_=ARRAY(Uuid))))
    .order_by(StockBatch.expires_on.desc().nulls_first(), StockBatch.id.desc())
    .execution_options(populate_existing=True)
)
UNITS_UNPICKED = kept(
    select(func.coalesce(func.sum(UNPICKED), 0))
    .join(Fulfillment, Fulfillment.id == FulfillmentLine.fulfillment_id)
    .where(Fulfillment.store_id == bindparam("store"), Fulfillment.status.in_(words(OPEN_BAGS)))
    .where(FulfillmentLine.product_id == bindparam("product"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFrozen(Problem):
    """So many units could only be of a batch that must not be sold: leave those lying."""

    batch_code: str
    status: BatchStatus


@dataclass(frozen=True, slots=True)
class _Place:
    """A line's place under lock, and what the line has taken of its batches."""

    line: FulfillmentLine
    row: Stock
    cause: Cause
    picks: dict[UUID, PickedBatch]


async def book(
    session: AsyncSession,
    line: FulfillmentLine,
    order_id: UUID,
    quantity: int,
    actor_id: UUID | None,
    batch_code: str | None = None,
) -> None:
    """Note of which batches a line's `quantity` units are, before the line itself says so.

    All are of the batch that is named; else the open batch that expires first gives first. Fewer
    than before go back to where they were. Refused: InvalidInput for a batch that isn't there or
    has too few, BatchFrozen.
    """
    row = await _locked(session, line)
    if row is None:
        if batch_code is not None:
            raise Refused(_wrong("batchCode", "No batch of this product is known here."))
        return
    cause = Cause(StockReason.PICK, str(order_id), actor_id)
    place = _Place(line, row, cause, await _picks(session, line))
    more = quantity - line.picked_quantity
    if batch_code is not None:
        await _give_back(session, place, line.picked_quantity)
        more = quantity
    if more < 0:
        await _give_back(session, place, -more)
    there = (await batches.on_shelf(session, line.store_id, [line.product_id]))[line.product_id]
    if more > 0:
        for share in await _chosen(session, place, there, more, batch_code):
            _take(session, place, share, order_id)
    await session.flush()


async def _locked(session: AsyncSession, line: FulfillmentLine) -> Stock | None:
    """The line's counter row, locked; None when the store has never had a batch of the product."""
    place = {"store": line.store_id, "product": line.product_id}
    found: Stock | None = await session.scalar(COUNTER, place)
    return found


async def _picks(session: AsyncSession, line: FulfillmentLine) -> dict[UUID, PickedBatch]:
    rows = await session.scalars(PICKS, {"line": line.id, "product": line.product_id})
    return {row.batch_id: row for row in rows}


async def _give_back(session: AsyncSession, place: _Place, quantity: int) -> None:
    """Put units back: those of no known batch first, then of the batch that expires last."""
    taken = [pick for pick in place.picks.values() if pick.quantity]
    loose = place.line.picked_quantity - sum(pick.quantity for pick in taken)
    quantity -= min(quantity, loose)
    rows = await session.scalars(LAST_TO_EXPIRE, {"batches": [pick.batch_id for pick in taken]})
    for batch in rows:
        pick = place.picks[batch.id]
        units = min(pick.quantity, quantity)
        if units:
            move(session, place.row, place.cause, batch=batch, of_batch=units)
            pick.quantity -= units
            quantity -= units


async def _chosen(
    session: AsyncSession,
    place: _Place,
    there: Sequence[StockBatch],
    units: int,
    batch_code: str | None,
) -> list[Share]:
    if batch_code is not None:
        return [_named(there, units, batch_code)]
    shares = batches.split(batches.sold_from(there), units)
    frozen = batches.frozen(there)
    rest = sum(share.quantity for share in shares if share.batch is None)
    if frozen and rest:
        known = sum(batch.on_hand for batch in there)
        if rest > place.row.on_hand + await _unpicked(session, place.line) - known:
            raise _frozen(frozen[0], "quantity")
    return shares


def _named(there: Sequence[StockBatch], units: int, code: str) -> Share:
    batch = next((one for one in there if one.code == code), None)
    if batch is None:
        raise Refused(_wrong("batchCode", "No units of such a batch are on this shelf."))
    if batch.status is not BatchStatus.OPEN:
        raise _frozen(batch, "batchCode")
    if batch.on_hand < units:
        message = f"By the books there are only {batch.on_hand} units of this batch."
        raise Refused(_wrong("batchCode", message))
    return Share(units, batch)


async def _unpicked(session: AsyncSession, line: FulfillmentLine) -> int:
    """Units of the line's place that are sold and still on the shelf."""
    place = {"store": line.store_id, "product": line.product_id}
    found = await session.scalar(UNITS_UNPICKED, place)
    return int(found or 0)


def _take(session: AsyncSession, place: _Place, share: Share, order_id: UUID) -> None:
    if share.batch is None:
        return
    move(session, place.row, place.cause, batch=share.batch, of_batch=-share.quantity)
    pick = place.picks.get(share.batch.id)
    if pick is None:
        pick = PickedBatch(
            fulfillment_line_id=place.line.id,
            batch_id=share.batch.id,
            order_id=order_id,
            company_id=place.line.company_id,
            store_id=place.line.store_id,
            product_id=place.line.product_id,
            quantity=0,
        )
        session.add(pick)
    pick.quantity += share.quantity


def _frozen(batch: StockBatch, field: str) -> Refused:
    message = f"Batch {batch.code} is {batch.status}: leave its units where they are."
    path = ["input", field]
    return Refused(
        BatchFrozen(path=path, message=message, batch_code=batch.code, status=batch.status)
    )


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)
