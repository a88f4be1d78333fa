"""Goods that come into a store: counted onto the shelf, into their batches, or set aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.stock import BatchRecall, BatchStatus, Stock, StockBatch, StockEntry, StockReason
from models.stores import Store
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.core.text import line as one_line
from services.stock import batches
from services.stock.stock_rows import Cause, announce, move, stand

CODE_LENGTH = 64
RECEIVED_UNITS = 100_000
ON_HAND_UNITS = 1_000_000
LINES = ["input", "lines"]
# Whoever brings a batch in and whoever recalls it wait for each other, by product and code.
BATCH_LOCKS = text(
    "select pg_advisory_xact_lock(one) from"
    " (select distinct hashtextextended(name, 0) as one from unnest(cast(:names as text[])) as name"
    " order by one) as names"
)


@dataclass(frozen=True, slots=True)
class Received:
    """`quantity` good units of a product and `damaged` broken ones, of one batch or of none known.

    A batch without a code is called by its last day of sale.
    """

    product_id: UUID
    quantity: int
    batch_code: str | None = None
    expires_on: date | None = None
    damaged: int = 0

    @property
    def code(self) -> str | None:
        if self.batch_code is None and self.expires_on is not None:
            return self.expires_on.isoformat()
        return self.batch_code


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A line where it arrives, under lock."""

    line: Received
    row: Stock
    batch: StockBatch | None


async def receive(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Sequence[Received],
    reason: StockReason,
    reference: str,
    actor_id: UUID | None,
    path: Sequence[str] = LINES,
) -> list[StockEntry]:
    """Put good units on the shelf and damaged ones beside it; answers an entry for each line.

    What comes of a recalled batch is set aside. Refused, each at `path`.<position>: NotFound for a
    product of another company, InvalidInput for counts, codes and days that can't be right.
    """
    today = await today_in(session, store_id)
    lines = _checked(lines, today, path)
    await lock_batches(session, [(one.product_id, one.code) for one in lines if one.code])
    shelf = await stand(session, company_id, store_id, {one.product_id for one in lines})
    for position, one in enumerate(lines):
        if one.product_id not in shelf:
            raise not_found(Product, *path[1:], str(position), "productId")
    arrivals = await _arrivals(session, lines, shelf, path)
    cause = Cause(reason, reference, actor_id)
    entries = [_put(session, one, cause, path, n) for n, one in enumerate(arrivals)]
    _set_aside(session, arrivals, cause)
    await session.flush()
    announce(session, shelf.values())
    return entries


async def today_in(session: AsyncSession, store_id: UUID) -> date:
    """The day it is in a store; refused as not found when there is no such store."""
    here = func.timezone(Store.timezone, func.clock_timestamp())
    found = await session.scalar(select(func.date(here)).where(Store.id == store_id))
    if found is None:
        raise not_found(Store, "storeId")
    day: date = found
    return day


async def lock_batches(session: AsyncSession, named: Collection[tuple[UUID, str]]) -> None:
    """Keep everybody else from bringing in or recalling these batches until the work is done."""
    if named:
        names = [f"{product_id}/{code}" for product_id, code in named]
        await session.execute(BATCH_LOCKS, {"names": names})


def _checked(lines: Sequence[Received], today: date, path: Sequence[str]) -> list[Received]:
    """The lines with tidy codes; every reason against them at once."""
    problems: list[Problem] = []
    clean: list[Received] = []
    for position, one in enumerate(lines):
        at = (*path, str(position))
        for name, units in (("quantity", one.quantity), ("damaged", one.damaged)):
            if not 0 <= units <= RECEIVED_UNITS:
                problems.append(_wrong(at, name, f"From 0 to {RECEIVED_UNITS} units."))
        if not one.quantity and not one.damaged:
            problems.append(_wrong(at, "quantity", "Nothing came."))
        if one.quantity and one.expires_on is not None and one.expires_on < today:
            problems.append(_wrong(at, "expiresOn", f"That day is over: it is {today}."))
        code = one.code
        if code is not None:
            try:
                code = one_line(code, *at, "batchCode", most=CODE_LENGTH, least=1)
            except Refused as refused:
                problems += refused.reasons
        clean.append(Received(one.product_id, one.quantity, code, one.expires_on, one.damaged))
    if problems:
        raise Refused(*problems)
    return clean


async def _arrivals(
    session: AsyncSession, lines: Sequence[Received], shelf: dict[UUID, Stock], path: Sequence[str]
) -> list[_Arrival]:
    """Each line with its row and its batch, which is made when it comes for the first time."""
    coded = [one for one in lines if one.code]
    known = await _known(session, coded, shelf) if coded else {}
    recalled = await _recalled(session, coded) if coded else set()
    arrivals = []
    for position, one in enumerate(lines):
        row, batch = shelf[one.product_id], None
        if one.code:
            key = (one.product_id, one.code)
            batch = known.get(key)
            if batch is None:
                batch = known[key] = _begun(row, one)
                session.add(batch)
            elif one.expires_on not in (None, batch.expires_on):
                said = f"Batch {one.code} expires on {batch.expires_on or 'no day'}."
                raise Refused(_wrong((*path, str(position)), "expiresOn", said))
            if key in recalled:
                batch.status = BatchStatus.RECALLED
        arrivals.append(_Arrival(one, row, batch))
    await session.flush()  # the ledger's entries refer to the batches
    return arrivals


def _begun(row: Stock, one: Received) -> StockBatch:
    return StockBatch(
        company_id=row.company_id,
        store_id=row.store_id,
        product_id=row.product_id,
        code=one.code,
        expires_on=one.expires_on,
        on_hand=0,
        damaged=0,
        status=BatchStatus.OPEN,
    )


async def _known(
    session: AsyncSession, coded: Sequence[Received], shelf: dict[UUID, Stock]
) -> dict[tuple[UUID, str], StockBatch]:
    store_id = shelf[coded[0].product_id].store_id
    named = [(StockBatch.product_id == one.product_id) & (StockBatch.code == one.code)
             for one in coded]  # fmt: skip
    rows = await session.scalars(
        select(StockBatch)
        .where(StockBatch.store_id == store_id, or_(*named))
        .execution_options(populate_existing=True)
    )
    return {(row.product_id, row.code): row for row in rows}


async def _recalled(session: AsyncSession, coded: Sequence[Received]) -> set[tuple[UUID, str]]:
    named = [
        and_(BatchRecall.product_id == one.product_id, BatchRecall.batch_code == one.code)
        for one in coded
    ]
    rows = await session.execute(
        select(BatchRecall.product_id, BatchRecall.batch_code).where(or_(*named))
    )
    return {(product_id, code) for product_id, code in rows}


def _put(
    session: AsyncSession, arrival: _Arrival, cause: Cause, path: Sequence[str], position: int
) -> StockEntry:
    one, row = arrival.line, arrival.row
    if max(row.on_hand + one.quantity, row.damaged + one.damaged) > ON_HAND_UNITS:
        said = f"A shelf holds at most {ON_HAND_UNITS} units."
        raise Refused(_wrong((*path, str(position)), "quantity", said))
    return move(
        session, row, cause, one.quantity, damaged=one.damaged, batch=arrival.batch,
        of_batch=0 if arrival.batch is None else one.quantity,
    )  # fmt: skip


def _set_aside(session: AsyncSession, arrivals: Sequence[_Arrival], cause: Cause) -> None:
    """Of what came, nothing that must not be sold stays on the shelf."""
    for row, batch in {(one.row, one.batch) for one in arrivals if one.batch is not None}:
        batches.set_aside(session, row, [batch], cause)


def _wrong(at: Sequence[str], field: str, message: str) -> InvalidInput:
    return InvalidInput(path=[*at, field], message=message)
