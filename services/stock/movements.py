"""Stock on the shelf: the verbs by which units come, go, and are promised from elsewhere.

Each locks the rows it changes in the order of (store, product), writes an entry of the ledger for
every change, and tells the store's inventory stream once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.orders import Order
from models.stock import StockBatch, StockEntry, StockReason
from services.carts.basket_problems import InsufficientStock
from services.core.problems import InvalidInput, Problem, Refused, not_found
from services.stock import batches
from services.stock.stock_rows import (
    Cause,
    Shortage,
    announce,
    change,
    lock,
    move,
    shortages,
    stand,
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """Units that left a shelf: all of one batch, or of none that is known."""

    product_id: UUID
    quantity: int
    batch_id: UUID | None = None
    batch_code: str | None = None
    expires_on: date | None = None


async def restock(
    session: AsyncSession,
    order: Order,
    lines: Mapping[UUID, int],
    reason: StockReason,
    actor_id: UUID | None,
    line_id: UUID | None = None,
) -> None:
    """Put units of an order, or of one line, back on the shelf of the store that it stands at.

    Those that a picker had taken of a batch go back into it.
    """
    await return_goods(session, order, lines, {}, reason, actor_id, line_id)


async def take(
    session: AsyncSession,
    store_id: UUID,
    company_id: UUID,
    lines: Mapping[UUID, int],
    reason: StockReason,
    reference: str,
    actor_id: UUID | None,
) -> list[Shortage]:
    """Sell all of `lines` from a store's shelf, or nothing: then answers what falls short.

    The units stay where they are until a picker takes them, and in the counts of their batches.
    """
    wanted = _counted(lines)
    if not wanted:
        return []
    shelf = (await lock(session, [store_id], wanted))[store_id]
    if short := shortages(shelf, wanted, company_id):
        return short
    for product_id, quantity in wanted.items():
        change(session, shelf[product_id], -quantity, reason, reference, actor_id)
    await session.flush()
    announce(session, shelf.values())
    return []


async def ship(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Mapping[UUID, int],
    reason: StockReason,
    reference: str,
    actor_id: UUID | None,
) -> list[Shipped]:
    """Take units out of a store now, first expired first, all or nothing; answers their batches.

    Only what is available goes: nothing that is held, recalled or expired. Refused: InvalidInput,
    InsufficientStock for each product that falls short, at path `input.lines.<position>`.
    """
    wanted = _whole(lines)
    cause = Cause(reason, reference, actor_id)
    shelf = (await lock(session, [store_id], wanted))[store_id]
    there = await batches.on_shelf(session, store_id, wanted)
    for product_id, found in there.items():
        batches.set_aside(session, shelf[product_id], found, cause)
    if short := dict(shortages(shelf, wanted, company_id)):
        raise Refused(*_insufficient(list(lines), short))
    shipped: list[Shipped] = []
    for product_id, quantity in wanted.items():
        found = there.get(product_id, [])
        known = {batch.id: batch for batch in found}
        for entry in batches.leave(session, shelf[product_id], found, quantity, cause):
            shipped += [_shipped(entry, known)]
    await session.flush()
    announce(session, shelf.values())
    return shipped


async def expect(
    session: AsyncSession,
    *,
    company_id: UUID,
    store_id: UUID,
    lines: Mapping[UUID, int],
    reference: str = "",
    actor_id: UUID | None = None,
) -> None:
    """Change how many units are on their way to a store: more, or (below 0) fewer.

    Refused: NotFound for a product of another company, InvalidInput when fewer would be on their
    way than none.
    """
    wanted = {product_id: units for product_id, units in lines.items() if units}
    if not wanted:
        return
    cause = Cause(StockReason.EXPECTED, reference, actor_id)
    shelf = await stand(session, company_id, store_id, wanted)
    for position, (product_id, units) in enumerate(wanted.items()):
        path = ("lines", str(position), "productId")
        if (row := shelf.get(product_id)) is None:
            raise not_found(Product, *path)
        if row.incoming + units < 0:
            message = f"Only {row.incoming} units are on their way."
            raise Refused(InvalidInput(path=["input", *path], message=message))
        move(session, row, cause, incoming=units)
    await session.flush()
    announce(session, shelf.values())


async def write_off(
    session: AsyncSession, order: Order, lines: Mapping[UUID, int], actor_id: UUID | None
) -> None:
    """Say that units sold were not on the shelf: the sale is undone and the loss is booked.

    `on_hand` stays as it is, for those units exist nowhere; the ledger tells both halves. Units of
    a batch that must not be sold were left lying: they are set aside instead.
    """
    await return_goods(session, order, {}, lines, StockReason.RESTOCK, actor_id)


async def return_goods(
    session: AsyncSession,
    order: Order,
    there: Mapping[UUID, int],
    lost: Mapping[UUID, int],
    reason: StockReason,
    actor_id: UUID | None,
    line_id: UUID | None = None,
) -> None:
    """Restock what is `there` of an order and write off what is `lost`, at one go."""
    there, lost = _counted(there), _counted(lost)
    products = {*there, *lost}
    if not products:
        return
    back = Cause(reason, str(order.id), actor_id)
    short = Cause(StockReason.SHORT, str(order.id), actor_id)
    shelf = (await lock(session, [order.store_id], products))[order.store_id]
    picks = await batches.picks_of(session, order.id, order.store_id, there, line_id)
    named = [pick.batch_id for some in picks.values() for pick in some]
    known: batches.Batches = {}
    if named or lost:
        known = await batches.on_shelf(session, order.store_id, lost, named)
    for key in sorted(products):
        row, found = shelf[key], known.get(key, [])
        if units := there.get(key, 0):
            batches.bring_back(session, row, picks.get(key, []), found, units, back)
        if units := lost.get(key, 0):
            change(session, row, units, StockReason.RESTOCK, str(order.id), actor_id)
            batches.lose(session, row, found, units, short)
    await session.flush()
    announce(session, shelf.values())


def _counted(lines: Mapping[UUID, int]) -> dict[UUID, int]:
    """The lines that move anything; a negative quantity would turn a verb into its opposite."""
    if any(quantity < 0 for quantity in lines.values()):
        raise ValueError("stock moves by whole, positive quantities")
    return {product_id: quantity for product_id, quantity in lines.items() if quantity}


def _whole(lines: Mapping[UUID, int]) -> dict[UUID, int]:
    """The lines as they are, refused when one of them moves nothing or the other way."""
    wrong = [
        InvalidInput(path=["input", "lines", str(n), "quantity"], message="At least 1 unit.")
        for n, quantity in enumerate(lines.values())
        if quantity < 1
    ]
    if wrong:
        raise Refused(*wrong)
    return dict(lines)


def _insufficient(products: list[UUID], short: Mapping[UUID, int]) -> list[Problem]:
    return [
        InsufficientStock(
            path=["input", "lines", str(n), "quantity"],
            message=f"Only {short[product_id]} units are available.",
            product_id=product_id,
            available=short[product_id],
        )
        for n, product_id in enumerate(products)
        if product_id in short
    ]


def _shipped(entry: StockEntry, known: Mapping[UUID, StockBatch]) -> Shipped:
    units = -entry.delta
    if entry.batch_id is None:
        return Shipped(entry.product_id, units)
    batch = known[entry.batch_id]
    return Shipped(entry.product_id, units, batch.id, batch.code, batch.expires_on)
