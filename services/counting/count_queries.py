"""Reads of stock counts. Expected quantities are shown only once a count is submitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountFilter, StockCountLine, StockCountStatus
from models.identity import Actor
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, not_found
from services.counting.count_states import may_see
from services.stock.stock_queries import visible_store


@dataclass(frozen=True, slots=True)
class VisibleCountLine:
    """A line as it may be shown now: nobody sees `expected` while the count is in progress."""

    id: UUID
    position: int
    product_id: UUID
    counted: int | None
    counted_at: datetime | None
    expected: int | None
    variance: int | None
    variance_value_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class CountVariance:
    """Units of a count above and below the expected ones, and their value.

    `off` is the number of lines that differ. Values are in minor units, at the store's selling
    price when the line was counted.
    """

    line_count: int
    units_over: int
    units_short: int
    overage_value_minor: int
    shortage_value_minor: int
    net_value_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class CountProgress:
    """The number of lines of a count, how many are counted, and their variance."""

    line_count: int
    counted_line_count: int
    variance: CountVariance | None


async def visible_count(session: AsyncSession, *, actor: Actor, count_id: UUID) -> StockCount:
    """One count, if the actor works in its store; else NotFound."""
    row = await session.get(StockCount, count_id)
    if row is None or not may_see(row, actor):
        raise not_found(StockCount, "id")
    return row


async def list_of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    status: StockCountStatus | None,
) -> Page[StockCount]:
    """A page of a store's counts, newest first, for its staff.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    await visible_store(session, actor, store_id)
    statement = select(StockCount).where(StockCount.store_id == store_id)
    if status is not None:
        statement = statement.where(StockCount.status == status)
    if (start := decode_cursor(cursor, StockCount.id)) is not None:
        statement = statement.where(StockCount.id < start[0])
    statement = statement.order_by(StockCount.id.desc()).limit(first + 1)
    rows = (await session.scalars(statement)).all()
    return build_page(rows, first, cursor, lambda row: (str(row.id),))


async def list_lines(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    first: int,
    cursor: str | None,
    line_filter: StockCountFilter | None,
) -> Page[VisibleCountLine]:
    """A page of a count's lines, for the staff of its store.

    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    count = await visible_count(session, actor=actor, count_id=count_id)
    blind = count.status is StockCountStatus.IN_PROGRESS
    line = StockCountLine
    statement = select(line).where(line.count_id == count.id).order_by(line.position)
    if line_filter is StockCountFilter.UNCOUNTED:
        statement = statement.where(line.counted.is_(None))
    if line_filter is StockCountFilter.WITH_VARIANCE:
        if blind:
            message = "What differs is shown once the count is submitted."
            raise DomainError(InvalidInput(path=["filter"], message=message))
        statement = statement.where(line.counted != line.expected)
    if (start := decode_cursor(cursor, line.position)) is not None:
        statement = statement.where(line.position > start[0])
    rows = (await session.scalars(statement.limit(first + 1))).all()
    lines = [_visible_line(row, count.currency, blind) for row in rows]
    return build_page(lines, first, cursor, lambda line: (line.position,))


def _visible_line(line: StockCountLine, currency: str, blind: bool) -> VisibleCountLine:
    variance = None if blind else line.variance
    price = line.price_minor
    value = None if variance is None or price is None else variance * price
    return VisibleCountLine(
        line.id,
        line.position,
        line.product_id,
        line.counted,
        line.counted_at,
        None if blind else line.expected,
        variance,
        value,
        currency,
    )


async def progress_of_counts(session: AsyncSession, ids: Sequence[UUID]) -> list[CountProgress]:
    """The progress of each count, by one statement for all of them."""
    line = StockCountLine
    variance = line.counted - line.expected
    value = cast(variance, BigInteger) * func.coalesce(line.price_minor, literal(0))

    def total(expression: Any, condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, expression), else_=0)), 0)

    statement = (
        select(
            StockCount.id,
            StockCount.status,
            StockCount.currency,
            func.count(),
            func.count(line.counted),
            total(1, variance != 0),
            total(variance, variance > 0),
            total(-variance, variance < 0),
            total(value, variance > 0),
            total(-value, variance < 0),
        )
        .join(line, line.count_id == StockCount.id)
        .where(StockCount.id.in_(ids))
        .group_by(StockCount.id)
    )
    progress = {}
    for key, status, currency, lines, counted, *sums in await session.execute(statement):
        shown = None
        if status is not StockCountStatus.IN_PROGRESS:
            differing, over, short, overage_value_minor, shortage_value_minor = map(int, sums)
            net = overage_value_minor - shortage_value_minor
            shown = CountVariance(
                differing, over, short, overage_value_minor, shortage_value_minor, net, currency
            )
        progress[key] = CountProgress(lines, counted, shown)
    return [progress.get(key, CountProgress(0, 0, None)) for key in ids]
