"""Counting the shelf: staff correct what the books say about a product in their store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.identity import Actor
from models.stock import Stock, StockBatch, StockEntry, StockReason
from models.stores import Store
from services.core.access import works_in
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Problem, Refused, VersionConflict, not_found
from services.core.text import line
from services.stock import batches, receiving, stock_rows
from services.stock.receiving import Received
from services.stock.stock_rows import Cause

DELTA_UNITS = 100_000
ON_HAND_UNITS = 1_000_000
NOTE_LENGTH = 200
SEARCH_LENGTH = 100

# Sales, restocks and shorts are written by the verbs of an order, never by hand.
BY_HAND = frozenset(
    {StockReason.ADJUSTMENT, StockReason.RECEIPT, StockReason.DAMAGE, StockReason.WASTE}
)
ONLY_UP = frozenset({StockReason.RECEIPT})
ONLY_DOWN = frozenset({StockReason.DAMAGE, StockReason.WASTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowHeld(Problem):
    """So few would be left that `held` units, promised to customers, were not there."""

    held: int


@dataclass(frozen=True, slots=True)
class Count:
    """What staff say of a shelf: `delta` units more or less, or `on_hand` units in all.

    `compare_on_hand` and `expected_version` are what they saw before they counted. A delta may be
    of one batch, whose last day of sale is told when it comes for the first time.
    """

    delta: int | None = None
    on_hand: int | None = None
    compare_on_hand: int | None = None
    expected_version: int | None = None
    batch_code: str | None = None
    expires_on: date | None = None

    @property
    def batched(self) -> bool:
        return self.batch_code is not None or self.expires_on is not None


async def adjust(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID,
    count: Count,
    reason: StockReason,
    note: str,
) -> StockEntry:
    """Change on_hand of a product in the actor's store; answers the ledger entry.

    Refused: NotFound, InvalidInput, VersionConflict when the shelf changed since it was seen,
    BelowHeld when units promised to customers would be missing.
    """
    _check(count, reason)
    note = line(note, "input", "note", most=NOTE_LENGTH)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    shelf = await stock_rows.stand(session, store.company_id, store.id, [product_id])
    if (row := shelf.get(product_id)) is None:
        raise not_found(Product, "productId")
    _unchanged(row, count)
    there = (await batches.on_shelf(session, store.id, [product_id]))[product_id]
    cause = Cause(reason, note, actor.person_id)
    batches.set_aside(session, row, there, cause)
    delta = count.delta if count.delta is not None else (count.on_hand or 0) - row.on_hand
    _fits(row, delta, reason)
    if delta > 0 and count.batched:
        return await _into_batch(session, row, count, cause)
    entry = _adjusted(session, row, there, delta, count, cause)
    await session.flush()
    stock_rows.announce(session, [row])
    return entry


def _adjusted(
    session: AsyncSession,
    row: Stock,
    there: Sequence[StockBatch],
    delta: int,
    count: Count,
    cause: Cause,
) -> StockEntry:
    """The (first) entry of units that come loose, or go: those of the named batch, else FEFO."""
    if delta > 0:
        return stock_rows.move(session, row, cause, delta)
    if count.batched:
        code = count.batch_code or str(count.expires_on)
        there = [batch for batch in batches.sold_from(there) if batch.code == code]
        if sum(batch.on_hand for batch in there) < -delta:
            raise Refused(_invalid("batchCode", "Not so many units of such a batch are here."))
    spoiled = cause.reason is StockReason.DAMAGE
    return batches.leave(session, row, there, -delta, cause, damaged=spoiled)[0]


async def _into_batch(session: AsyncSession, row: Stock, count: Count, cause: Cause) -> StockEntry:
    came = Received(row.product_id, count.delta or 0, count.batch_code, count.expires_on)
    try:
        (entry,) = await receiving.receive(
            session, company_id=row.company_id, store_id=row.store_id, lines=[came],
            reason=cause.reason, reference=cause.reference, actor_id=cause.actor_id,
            path=["input"],
        )  # fmt: skip
    except Refused as refused:  # there is but one line: its place says nothing
        reasons = [replace(one, path=["input", *one.path[2:]]) for one in refused.reasons]
        raise Refused(*reasons) from None
    return entry


def _check(count: Count, reason: StockReason) -> None:
    problems: list[Problem] = []
    if (count.delta is None) == (count.on_hand is None):
        problems.append(_invalid("delta", "Give either delta or onHand."))
    seen = count.compare_on_hand is not None or count.expected_version is not None
    if count.on_hand is not None and not seen:
        message = "onHand needs compareOnHand or expectedVersion: what you saw before."
        problems.append(_invalid("compareOnHand", message))
    if count.delta is not None and not 0 < abs(count.delta) <= DELTA_UNITS:
        message = f"delta is from -{DELTA_UNITS} to {DELTA_UNITS}, and not 0."
        problems.append(_invalid("delta", message))
    if count.on_hand is not None and not 0 <= count.on_hand <= ON_HAND_UNITS:
        problems.append(_invalid("onHand", f"onHand is from 0 to {ON_HAND_UNITS}."))
    if count.on_hand is not None and count.batched:
        problems.append(_invalid("batchCode", "A batch goes with delta, not with onHand."))
    if reason not in BY_HAND:
        names = ", ".join(sorted(BY_HAND))
        problems.append(_invalid("reason", f"By hand the reason is one of {names}."))
    if problems:
        raise Refused(*problems)


def _unchanged(row: Stock, count: Count) -> None:
    stale = count.expected_version is not None and count.expected_version != row.version
    moved = count.compare_on_hand is not None and count.compare_on_hand != row.on_hand
    if not stale and not moved:
        return
    field = "expectedVersion" if stale else "compareOnHand"
    message = f"The shelf has changed: {row.on_hand} on hand now."
    raise Refused(VersionConflict(path=["input", field], message=message, current=row.version))


def _fits(row: Stock, delta: int, reason: StockReason) -> None:
    if delta == 0:
        raise Refused(_invalid("onHand", "That is what the books say already."))
    if (reason in ONLY_UP and delta < 0) or (reason in ONLY_DOWN and delta > 0):
        direction = "adds" if reason in ONLY_UP else "removes"
        raise Refused(_invalid("reason", f"{reason} only ever {direction} units."))
    left = row.on_hand + delta
    if left > ON_HAND_UNITS:
        raise Refused(_invalid("delta", f"A shelf holds at most {ON_HAND_UNITS} units."))
    if left < row.held:
        message = f"{row.on_hand} on hand, {row.held} promised: {left} would not do."
        raise Refused(BelowHeld(path=["input"], message=message, held=row.held))


def _invalid(field: str, message: str) -> InvalidInput:
    return InvalidInput(path=["input", field], message=message)


async def shelves(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
    at_most: int | None = None,
) -> Page[Stock]:
    """A page of a store's stock for its staff, in the order of the products' keys.

    `search` is a part of a name, or a whole code or barcode; `at_most` keeps rows with that many
    units available or fewer. Refused: NotFound, InvalidInput.
    """
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(Stock).where(Stock.store_id == store_id).order_by(Stock.product_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(Stock.product_id > start[0])
    if at_most is not None:
        rows = rows.where(Stock.on_hand - Stock.held <= min(at_most, ON_HAND_UNITS))
    if word := line(search, "search", most=SEARCH_LENGTH):
        is_it = or_(Product.code == word, Product.barcode == word)
        named = or_(is_it, Product.name.icontains(word, autoescape=True))
        rows = rows.join(Product, Product.id == Stock.product_id).where(named)
    found = (await session.scalars(rows.limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.product_id),))


async def ledger(
    session: AsyncSession,
    *,
    actor: Actor,
    store_id: UUID,
    product_id: UUID | None,
    first: int,
    cursor: str | None,
) -> Page[StockEntry]:
    """A page of a store's ledger, or of one product in it, for its staff, the newest first.

    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    store = await session.get(Store, store_id)
    if store is None or not works_in(actor, store.company_id, store.id):
        raise not_found(Store, "storeId")
    rows = select(StockEntry).where(StockEntry.store_id == store_id)
    if product_id is not None:
        rows = rows.where(StockEntry.product_id == product_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(StockEntry.id < start[0])
    found = (await session.scalars(rows.order_by(StockEntry.id.desc()).limit(first + 1))).all()
    return page(found, first, lambda row: (str(row.id),))
