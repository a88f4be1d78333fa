"""Stock counts: staff count products of a store blind, and a manager approves the variance.

Orders are sold meanwhile. Therefore the expected quantity of a line is read under the lock of its
stock row when the line is counted, and approval changes on_hand by the variance only: sales between
counting and approval are kept. Units that are sold but not picked yet are still in the store, so
they are expected too. Locks are taken in this order: the count, its line, the stock row.
"""

from collections.abc import Mapping, Sequence
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
from models.identity import Actor
from models.message_text import count_text, number_text
from models.stock import StockMovementReason
from services.catalog.code_lookup import find_product
from services.core.clock import current_time, database_time
from services.core.problems import DomainError, InvalidInput, Problem, not_found
from services.core.text import parse_line
from services.counting.count_states import MACHINE, change_status
from services.stock import batches, corrections, picked_batches
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import (
    MAX_ON_HAND_UNITS,
    MovementCause,
    create_missing_rows,
    publish_stock_changed,
)

MAX_NOTE_LENGTH = 200
UNCOUNTED: Mapping[str, None] = dict.fromkeys(
    ("counted", "expected", "counted_by_id", "counted_at")
)
"""The values of a line that is to be counted, also once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncountedLines(Problem):
    """Some lines have not been counted yet."""

    remaining_line_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowPromised(Problem):
    """Fewer units of a product would be left than the `held` ones reserved for orders."""

    product_id: UUID
    reserved: int
    on_hand: int


async def set_line(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    counted: int,
    product_id: UUID | None = None,
    code: str | None = None,
) -> StockCount:
    """Set the counted units of a product, named by its id or a code; the last count is the one.

    Raises DomainError: NotFound, InvalidInput, AmbiguousProductCode, InvalidTransition once the
    count is submitted.
    """
    if not 0 <= counted <= MAX_ON_HAND_UNITS:
        message = f"A quantity is from 0 to {number_text(MAX_ON_HAND_UNITS)} units."
        raise DomainError(InvalidInput(path=["input", "counted"], message=message))
    row = await MACHINE.begin(session, actor, count_id, StockCountAction.COUNT)
    product_id = await _named_product(session, row.company_id, product_id, code)
    line = await session.scalar(
        select(StockCountLine)
        .where(StockCountLine.count_id == row.id, StockCountLine.product_id == product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if line is None:
        raise not_found(Product, "product", "productId" if code is None else "scannedCode")
    line.counted, line.expected = counted, await _expected(session, row.store_id, product_id)
    # Before or after each correction, as the locks of the stock row have it.
    line.counted_at = await database_time(session)
    line.price_minor = await _price_minor(session, row.store_id, product_id)
    line.counted_by_id = actor.person_id
    entry = StockCountEntry(
        line_id=line.id, company_id=row.company_id, count_round=row.count_round, counted=counted,
        expected=line.expected, person_id=actor.person_id,
    )  # fmt: skip
    session.add(entry)
    await session.flush()
    return row


async def _named_product(
    session: AsyncSession, company_id: UUID, product_id: UUID | None, code: str | None
) -> UUID:
    """The product of an id or a code.

    Raises DomainError: InvalidInput, NotFound, AmbiguousProductCode.
    """
    if (code is None) == (product_id is None):
        message = "Name a product by its code or by its id."
        raise DomainError(InvalidInput(path=["input", "product"], message=message))
    if code is not None:
        product_id = (
            await find_product(session, company_id, code, "input", "product", "scannedCode")
        ).product_id
    if product_id is None:
        raise not_found(Product, "product", "scannedCode")
    return product_id


async def _expected(session: AsyncSession, store_id: UUID, product_id: UUID) -> int:
    """The units that should be in the store now: on hand, and sold but not picked yet."""
    rows = (await lock_rows(session, [store_id], [product_id]))[store_id]
    on_hand = rows[product_id].on_hand if product_id in rows else 0
    return on_hand + await picked_batches.remaining_units(session, store_id, product_id)


async def _price_minor(session: AsyncSession, store_id: UUID, product_id: UUID) -> int | None:
    statement = select(Listing.price_minor).where(
        Listing.store_id == store_id, Listing.product_id == product_id
    )
    price_minor: int | None = await session.scalar(statement)
    return price_minor


async def submit(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    allow_uncounted: bool = False,
    expected_version: int | None = None,
) -> StockCount:
    """Submit a count for approval, which shows its variance. Uncounted lines change nothing.

    Raises DomainError: as `MACHINE.begin`, and Uncounted unless `allow_uncounted`.
    """
    row = await MACHINE.begin(session, actor, count_id, StockCountAction.SUBMIT, expected_version)
    statement = select(func.count(), func.count(StockCountLine.counted)).where(
        StockCountLine.count_id == row.id
    )
    lines, counted = (await session.execute(statement)).one()
    if not counted or (counted < lines and not allow_uncounted):
        message = (
            f"Not counted yet: {number_text(lines - counted)} of {count_text(lines, 'product')}."
        )
        path = ["input", "stockCountId"]
        raise DomainError(
            UncountedLines(path=path, message=message, remaining_line_count=lines - counted)
        )
    row.submitted_by_id, row.submitted_at = actor.person_id, await current_time(session)
    return await change_status(session, row, StockCountStatus.SUBMITTED)


async def approve(
    session: AsyncSession, *, actor: Actor, count_id: UUID, expected_version: int | None = None
) -> StockCount:
    """Approve a count, by a manager: change on_hand of each product by its variance.

    What was corrected since a product was counted, by hand, by a file or as out of stock, is taken
    off its variance first. Raises DomainError: as `MACHINE.begin`, and BelowPromised of products.
    """
    row = await MACHINE.begin(session, actor, count_id, StockCountAction.APPROVE, expected_version)
    lines = await session.scalars(
        select(StockCountLine)
        .where(StockCountLine.count_id == row.id)
        .where(StockCountLine.counted != StockCountLine.expected)
        .order_by(StockCountLine.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    await _apply_variance(session, row, lines.all(), actor.person_id)
    await _finish(session, row, actor)
    return await change_status(session, row, StockCountStatus.APPROVED)


async def _apply_variance(
    session: AsyncSession,
    row: StockCount,
    lines: Sequence[StockCountLine],
    actor_id: UUID | None,
) -> None:
    if not lines:
        return
    counted_at = {line.product_id: line.counted_at for line in lines if line.counted_at}
    await create_missing_rows(session, row.company_id, row.store_id, counted_at)
    stock_rows = (await lock_rows(session, [row.store_id], counted_at))[row.store_id]
    corrected = await corrections.corrected_units(session, row.store_id, counted_at)
    for line in lines:
        line.settle(corrected.get(line.product_id, 0))
    variances = {line.product_id: line.variance for line in lines if line.variance}
    in_stock = await batches.load_in_stock(session, row.store_id, variances)
    cause = MovementCause(StockMovementReason.COUNT, str(row.id), actor_id)
    problems: list[Problem] = []
    for product_id, delta in variances.items():
        stock_row = stock_rows[product_id]
        if (left := stock_row.on_hand + delta) < stock_row.reserved:
            problems.append(_below_promised(product_id, stock_row.reserved, left))
            continue
        product_batches = in_stock.get(product_id, [])
        batches.change_on_hand(session, stock_row, product_batches, delta, cause)
    if problems:
        raise DomainError(*problems)
    await session.flush()
    publish_stock_changed(session, stock_rows.values())


def _below_promised(product_id: UUID, held: int, left: int) -> BelowPromised:
    units = count_text(left, "unit")
    message = f"{units} would be left of a product with {number_text(held)} reserved."
    path = ["input", "stockCountId"]
    return BelowPromised(
        path=path, message=message, product_id=product_id, reserved=held, on_hand=left
    )


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> StockCount:
    """Reject a count, by a manager: lines with a variance are counted again, blind as before.

    Lines without a variance keep their count. Raises DomainError: as `MACHINE.begin`.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    row = await MACHINE.begin(session, actor, count_id, StockCountAction.REJECT, expected_version)
    await session.execute(
        update(StockCountLine)
        .where(StockCountLine.count_id == row.id)
        .where(StockCountLine.counted != StockCountLine.expected)
        .values(UNCOUNTED)
    )
    row.count_round += 1
    row.note = note or row.note
    row.submitted_by_id, row.submitted_at = None, None
    return await change_status(session, row, StockCountStatus.IN_PROGRESS)


async def cancel(
    session: AsyncSession, *, actor: Actor, count_id: UUID, expected_version: int | None = None
) -> StockCount:
    """Cancel a count without changing stock. Raises DomainError: as `MACHINE.begin`."""
    row = await MACHINE.begin(session, actor, count_id, StockCountAction.CANCEL, expected_version)
    await _finish(session, row, actor)
    return await change_status(session, row, StockCountStatus.CANCELED)


async def _finish(session: AsyncSession, row: StockCount, actor: Actor) -> None:
    """Release the count's products, so that other counts can have them."""
    await session.execute(
        update(StockCountLine).where(StockCountLine.count_id == row.id).values(live=False)
    )
    row.decided_by_id, row.decided_at = actor.person_id, await current_time(session)
