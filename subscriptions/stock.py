"""A store's shelf as strangers (bands) and its staff (numbers) watch it.

Changes of one product that come within a quarter of a second are told as one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import func, select

from models import Availability, Listing, Product, Stock, Store
from models.database import Hint
from resolvers.context import Context, Info
from resolvers.rules import STORE_ROLES
from services.event import inventory_stream
from services.product import LOW_UNITS
from services.refusal import InvalidInput, Refused, key_of, not_found
from subscriptions.course import Step
from subscriptions.flow import After, Flow
from subscriptions.message import Message

PRODUCTS_COUNT = 200
COALESCE_SECONDS = 0.25
Window = tuple[Availability, int]
"""A band and a price (minor units)."""
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store.")]
ProductIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Only these products, at most 200. Without it every product of the store is"
        " watched, and a snapshot carries nothing but its cursor."
    ),
]


@dataclass(frozen=True, slots=True)
class StockChange:
    """What is on the shelf of one product; the numbers are None for strangers."""

    store_id: UUID
    product_id: UUID
    availability: Availability
    on_hand: int | None = None
    held: int | None = None
    available: int | None = None
    version: int | None = None

    @property
    def place(self) -> tuple[UUID, UUID]:
        return self.store_id, self.product_id


@dataclass(frozen=True, slots=True)
class InventoryChanged(Message):
    """One message about a store's shelf."""

    changes: list[StockChange]


@dataclass(slots=True)
class Count:
    """What is known of one product: its counters, and whether and for how much it is sold now."""

    on_hand: int = 0
    held: int = 0
    version: int = 0
    listed: bool = True
    price_minor: int = 0

    @property
    def available(self) -> int:
        return max(0, self.on_hand - self.held)

    @property
    def window(self) -> Window:
        """What strangers can tell apart."""
        return self.band, self.price_minor

    @property
    def band(self) -> Availability:
        if not self.listed or not self.available:
            return Availability.OUT
        return Availability.LOW if self.available <= LOW_UNITS else Availability.IN_STOCK


@dataclass(slots=True)
class Shelf:
    """What one listener knows, what they have been told, and what waits to be told."""

    store_id: UUID
    only: frozenset[UUID] | None
    staff: bool
    known: dict[UUID, Count] = field(default_factory=dict)
    told: dict[UUID, Window] = field(default_factory=dict)
    waiting: set[UUID] = field(default_factory=set)
    told_at: float = 0.0

    def learn(self, hint: Hint) -> None:
        """Take in an event; a later change of a product stands for those before it."""
        for change in hint.body.get("changes") or [hint.body]:
            product_id = UUID(str(change["product_id"]))
            if self.only is not None and product_id not in self.only:
                continue
            self.waiting.add(product_id)
            if (count := self.known.get(product_id)) is None:
                continue  # it is read before it is told
            if "on_hand" in change:
                count.on_hand, count.held = change["on_hand"], change["held"]
                count.version = change["version"]
            else:
                count.listed = bool(change["available"])
                count.price_minor = change["price_minor"]

    @property
    def unknown(self) -> frozenset[UUID]:
        """What has to be read before it can be told."""
        return frozenset(self.waiting - self.known.keys())

    def tell(self) -> list[StockChange]:
        """What is worth a message now: staff hear of each number, others of band and price."""
        changed = {
            key: self.known[key]
            for key in sorted(self.waiting & self.known.keys())
            if self.staff or self.told.get(key) != self.known[key].window
        }
        self.waiting.clear()
        self.told.update((key, one.window) for key, one in changed.items())
        return [self._change(key, one) for key, one in changed.items()]

    def _change(self, product_id: UUID, count: Count) -> StockChange:
        numbers = (count.on_hand, count.held, count.available, count.version)
        known = numbers if self.staff else ()
        return StockChange(self.store_id, product_id, count.band, *known)


async def changed(
    info: Info, store_id: StoreId, product_ids: ProductIds = None, after: After = None
) -> AsyncIterator[InventoryChanged]:
    context, key, only = info.context, key_of(Store, store_id, "storeId"), _only(product_ids)
    del info  # it holds the whole execution

    async def admit() -> None:
        await _store(context, key)

    store = await _store(context, key)
    staff = context.actor.works_at(store.company_id, key, STORE_ROLES)
    shelf = Shelf(key, only, staff)
    async with Flow(context, [inventory_stream(key)], after, admit) as flow:
        await _look(context, shelf, only or frozenset())
        async for step in flow.steps():
            last = await _gather(flow, shelf, step)
            await _look(context, shelf, shelf.unknown)
            if (changes := shelf.tell()) or last.hint is None:
                make = partial(_message, changes)
                yield await flow.told(last, make, "shelf", tuple(changes))


async def _message(changes: list[StockChange], step: Step) -> InventoryChanged:
    return InventoryChanged(step.kind, step.cursor, changes)


async def _gather(flow: Flow, shelf: Shelf, step: Step) -> Step:
    """Take in a step, and all that follows until a quarter of a second after the last message."""
    loop = asyncio.get_running_loop()
    if step.hint is None:
        shelf.waiting.update(shelf.known)
        return step
    until = shelf.told_at + COALESCE_SECONDS
    following: Step | None = step
    while following is not None:
        step = following
        if step.hint is not None:
            shelf.learn(step.hint)
        following = await flow.take(max(0.0, until - loop.time()))
    shelf.told_at = loop.time()
    return step


async def _store(context: Context, key: UUID) -> Store:
    async with context.public() as session:
        found = await session.get(Store, key)
    if found is None:
        raise not_found(Store, "storeId")
    return found


async def _look(context: Context, shelf: Shelf, keys: frozenset[UUID]) -> None:
    """Read what the store has of products: as new as every event that has been taken in."""
    if not keys:
        return
    place = (Listing.store_id == Stock.store_id) & (Listing.product_id == Stock.product_id)
    query = (
        select(
            Stock.product_id,
            Stock.on_hand,
            Stock.held,
            Stock.version,
            Listing.available,
            func.coalesce(Listing.price_minor, 0),
        )
        .outerjoin(Listing, place)
        .where(Stock.store_id == shelf.store_id, Stock.product_id.in_(keys))
    )
    async with context.public() as session:
        rows = (await session.execute(query)).all()
    for product_id, on_hand, held, version, listed, price in rows:
        shelf.known[product_id] = Count(on_hand, held, version, bool(listed), price)


def _only(ids: Iterable[strawberry.ID] | None) -> frozenset[UUID] | None:
    """The products that were named; None for all of the store."""
    if ids is None:
        return None
    keys = frozenset(key_of(Product, text, "productIds") for text in ids)
    if len(keys) > PRODUCTS_COUNT or not keys:
        said = f"Name 1 to {PRODUCTS_COUNT} products, or none at all."
        raise Refused(InvalidInput(path=["productIds"], message=said))
    return keys
