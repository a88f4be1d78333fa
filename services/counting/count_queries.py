"""Reading cycle counts. What the books say is shown only once a count is submitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.counting import StockCount, StockCountFilter, StockCountLine, StockCountStatus
from models.identity import Actor
from models.stores import Store
from services.core.access import works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Refused, not_found

Counted = StockCountLine


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line as it may be seen now: while people count, nobody sees what is expected."""

    id: UUID
    position: int
    product_id: UUID
    counted: int | None
    counted_at: datetime | None
    expected: int | None
    variance: int | None
    value_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Variance:
    """What a count found: units beyond and below what was expected, and their worth.

    The worth is at the store's own selling price of the moment of counting, in minor units.
    """

    off: int
    units_over: int
    units_short: int
    over_minor: int
    short_minor: int
    net_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many lines a count has, how many are counted, and what they found."""

    lines: int
    counted: int
    variance: Variance | None


async def visible(session: AsyncSession, *, actor: Actor, count_id: UUID) -> StockCount:
    """One count, for the staff of its store; else NotFound."""
    row = await session.get(StockCount, count_id)
    if row is None or not works_in(actor, row.company_id, row.store_id):
        raise not_found(StockCount, "id")
    return row


async def of_store(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    status: StockCountStatus | None,
) -> Page[StockCount]:
    """A page of a store's counts, newest first, for its staff. Refused: NotFound, InvalidInput."""
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(StockCount).where(StockCount.store_id == store_id)
    if status is not None:
        rows = rows.where(StockCount.status == status)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(StockCount.id < start[0])
    found = (await session.scalars(rows.order_by(StockCount.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))


async def lines(
    session: AsyncSession,
    *,
    actor: Actor,
    count_id: UUID,
    first: int,
    cursor: str | None,
    only: StockCountFilter | None,
) -> Page[SeenLine]:
    """A page of a count's lines for the store's staff. Refused: NotFound, InvalidInput."""
    bounded(first)
    row = await visible(session, actor=actor, count_id=count_id)
    blind = row.status is StockCountStatus.COUNTING
    found = select(Counted).where(Counted.count_id == row.id).order_by(Counted.position)
    if only is StockCountFilter.UNCOUNTED:
        found = found.where(Counted.counted.is_(None))
    if only is StockCountFilter.OFF:
        if blind:
            said = "What differs is shown once the count is submitted."
            raise Refused(InvalidInput(path=["only"], message=said))
        found = found.where(Counted.counted != Counted.expected)
    if (start := after(cursor, int)) is not None:
        found = found.where(Counted.position > start[0])
    rows = (await session.scalars(found.limit(first + 1))).all()
    seen = [_seen(one, row.currency, blind) for one in rows]
    return page(seen, first, lambda one: (one.position,))


def _seen(one: StockCountLine, currency: str, blind: bool) -> SeenLine:
    units = None if blind else one.variance
    worth = None if units is None or one.price_minor is None else units * one.price_minor
    return SeenLine(
        one.id,
        one.position,
        one.product_id,
        one.counted,
        one.counted_at,
        None if blind else one.expected,
        units,
        worth,
        currency,
    )


async def tallies(session: AsyncSession, ids: Sequence[UUID]) -> list[Tally]:
    """What each count has and found; one statement for all of them."""
    off = Counted.counted - Counted.expected
    worth = cast(off, BigInteger) * func.coalesce(Counted.price_minor, literal(0))

    def total(value: Any, when: Any) -> Any:
        return func.coalesce(func.sum(case((when, value), else_=0)), 0)

    query = (
        select(
            StockCount.id,
            StockCount.status,
            StockCount.currency,
            func.count(),
            func.count(Counted.counted),
            total(1, off != 0),
            total(off, off > 0),
            total(-off, off < 0),
            total(worth, off > 0),
            total(-worth, off < 0),
        )
        .join(Counted, Counted.count_id == StockCount.id)
        .where(StockCount.id.in_(ids))
        .group_by(StockCount.id)
    )
    found = {}
    for key, status, currency, count, counted, *sums in await session.execute(query):
        shown = None
        if status is not StockCountStatus.COUNTING:
            off_lines, over, short, over_minor, short_minor = map(int, sums)
            net = over_minor - short_minor
            shown = Variance(off_lines, over, short, over_minor, short_minor, net, currency)
        found[key] = Tally(count, counted, shown)
    return [found.get(key, Tally(0, 0, None)) for key in ids]
