"""Cycle counts: some products of a store are counted blind, and a manager approves what differs.

Orders flow meanwhile. So what a line was expected to be is read under the shelf's lock at the
moment in which the line is counted, and approval moves the shelf by the difference only: a sale
between counting and approval is never undone. Units that are sold but not picked yet still lie on
the shelf, so they are expected too. Locks are taken in this order: the count, its line, the shelf.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Listing, Product
from models.counting import (
    StockCount,
    StockCountAction,
    StockCountEntry,
    StockCountLine,
    StockCountStatus,
)
from models.fulfillment import (
    Fulfillment,
    FulfillmentLine,
    FulfillmentLineStatus,
    FulfillmentStatus,
)
from models.identity import Actor
from models.stock import StockReason
from services.core.clock import moment
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.core.text import line
from services.counting.count_states import available_actions, enter, move
from services.stock import batches, stock_rows
from services.stock.adjustments import ON_HAND_UNITS
from services.stock.row_edits import make_rows, shift

__all__ = ["BelowPromised", "Uncounted", "approve", "available_actions", "cancel", "reject",
           "set_line", "submit"]  # fmt: skip

NOTE_LENGTH = 200
UNPICKED = (
    FulfillmentStatus.QUEUED,
    FulfillmentStatus.ACCEPTED,
    FulfillmentStatus.PICKING,
    FulfillmentStatus.AWAITING_SUBSTITUTION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted(Problem):
    """Some lines have not been counted yet."""

    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowPromised(Problem):
    """So few of a product would be left that units promised to customers were not there."""

    product_id: UUID
    held: int
    on_hand: int


async def set_line(
    session: AsyncSession, *, actor: Actor, count_id: UUID, product_id: UUID, counted: int
) -> StockCount:
    """Say how many units of a product were found; the last word of several counters stands.

    Refused: NotFound, InvalidInput, IllegalStep once the count is submitted.
    """
    if not 0 <= counted <= ON_HAND_UNITS:
        said = f"A shelf holds from 0 to {ON_HAND_UNITS} units."
        raise Refused(InvalidInput(path=["input", "counted"], message=said))
    row = await enter(session, actor, count_id, StockCountAction.COUNT)
    found = await session.scalar(
        select(StockCountLine)
        .where(StockCountLine.count_id == row.id, StockCountLine.product_id == product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise not_found(Product, "productId")
    found.counted, found.expected = counted, await _expected(session, row.store_id, product_id)
    found.price_minor = await _price(session, row.store_id, product_id)
    found.counted_by_id, found.counted_at = actor.person_id, await moment(session)
    session.add(
        StockCountEntry(
            line_id=found.id,
            company_id=row.company_id,
            round=row.round,
            counted=counted,
            expected=found.expected,
            person_id=actor.person_id,
        )
    )
    await session.flush()
    return row


async def _expected(session: AsyncSession, store_id: UUID, product_id: UUID) -> int:
    """What should lie on the shelf at this moment: on hand, and sold but not picked yet."""
    shelf = (await stock_rows.lock(session, [store_id], [product_id]))[store_id]
    unpicked = (
        select(func.coalesce(func.sum(FulfillmentLine.quantity), 0))
        .join(Fulfillment, Fulfillment.id == FulfillmentLine.fulfillment_id)
        .where(
            Fulfillment.store_id == store_id,
            Fulfillment.status.in_(UNPICKED),
            FulfillmentLine.product_id == product_id,
            FulfillmentLine.status == FulfillmentLineStatus.PENDING,
        )
    )
    waiting = int(await session.scalar(unpicked) or 0)
    return (shelf[product_id].on_hand if product_id in shelf else 0) + waiting


async def _price(session: AsyncSession, store_id: UUID, product_id: UUID) -> int | None:
    listed = select(Listing.price_minor).where(
        Listing.store_id == store_id, Listing.product_id == product_id
    )
    price: int | None = await session.scalar(listed)
    return price


async def submit(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    leave_uncounted: bool = False,
    expected_version: int | None = None,
) -> StockCount:
    """Hand a count in: from here on it shows what the books say. Lines left out change nothing.

    Refused as in `enter`, and with Uncounted unless `leave_uncounted`.
    """
    row = await enter(session, actor, count_id, StockCountAction.SUBMIT, expected_version)
    counts = select(func.count(), func.count(StockCountLine.counted)).where(
        StockCountLine.count_id == row.id
    )
    lines, counted = (await session.execute(counts)).one()
    if not counted or (counted < lines and not leave_uncounted):
        said = f"{lines - counted} of {lines} products are not counted yet."
        path = ["input", "countId"]
        raise Refused(Uncounted(path=path, message=said, remaining=lines - counted))
    row.submitted_by_id, row.submitted_at = actor.person_id, await moment(session)
    return await move(session, row, StockCountStatus.SUBMITTED)


async def approve(
    session: AsyncSession, *, actor: Actor, count_id: UUID, expected_version: int | None = None
) -> StockCount:
    """Put right what differs: each shelf moves by what was found beyond what was expected.

    A manager does. Refused as in `enter`, and with BelowPromised, naming each product.
    """
    row = await enter(session, actor, count_id, StockCountAction.APPROVE, expected_version)
    lines = await session.scalars(
        select(StockCountLine).where(
            StockCountLine.count_id == row.id, StockCountLine.counted != StockCountLine.expected
        )
    )
    await _put_right(session, row, lines.all(), actor.person_id)
    await _end(session, row, actor)
    return await move(session, row, StockCountStatus.APPROVED)


async def _put_right(
    session: AsyncSession,
    row: StockCount,
    lines: Sequence[StockCountLine],
    actor_id: UUID | None,
) -> None:
    off = {one.product_id: one.variance or 0 for one in lines}
    if not off:
        return
    await make_rows(session, row.company_id, row.store_id, off)
    shelf = (await stock_rows.lock(session, [row.store_id], off))[row.store_id]
    there = await batches.on_shelf(session, row.store_id, off)
    cause = stock_rows.Cause(StockReason.COUNT, str(row.id), actor_id)
    problems: list[Problem] = []
    for product_id, units in off.items():
        place = shelf[product_id]
        if (left := place.on_hand + units) < place.held:
            said = f"{left} units would be left of a product with {place.held} promised."
            path = ["input", "countId"]
            problems.append(
                BelowPromised(
                    path=path, message=said, product_id=product_id, held=place.held, on_hand=left
                )
            )
            continue
        shift(session, place, there.get(product_id, []), units, cause)
    if problems:
        raise Refused(*problems)
    await session.flush()
    stock_rows.announce(session, shelf.values())


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> StockCount:
    """Have what differs counted again, blind as before; what agreed with the books stands.

    A manager does. Refused as in `enter`.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    row = await enter(session, actor, count_id, StockCountAction.REJECT, expected_version)
    await session.execute(
        update(StockCountLine)
        .where(StockCountLine.count_id == row.id)
        .where(StockCountLine.counted != StockCountLine.expected)
        .values(counted=None, expected=None, counted_by_id=None, counted_at=None)
    )
    row.round += 1
    row.note = note or row.note
    row.submitted_by_id, row.submitted_at = None, None
    return await move(session, row, StockCountStatus.COUNTING)


async def cancel(
    session: AsyncSession, *, actor: Actor, count_id: UUID, expected_version: int | None = None
) -> StockCount:
    """Give a count up: nothing changes. A manager does. Refused as in `enter`."""
    row = await enter(session, actor, count_id, StockCountAction.CANCEL, expected_version)
    await _end(session, row, actor)
    return await move(session, row, StockCountStatus.CANCELED)


async def _end(session: AsyncSession, row: StockCount, actor: Actor) -> None:
    """Let the count's products be counted by others again."""
    await session.execute(
        update(StockCountLine).where(StockCountLine.count_id == row.id).values(live=False)
    )
    row.decided_by_id, row.decided_at = actor.person_id, await moment(session)
