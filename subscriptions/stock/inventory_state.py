"""One store's shelf: what is known of its products, and what events do to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from database.sessions import Database, Hint
from models.catalog import Availability, Listing
from models.stock import Stock
from services.catalog.listed_products import LOW_UNITS

Window = tuple[Availability, int]
"""A band and a price (minor units)."""


@dataclass(frozen=True, slots=True)
class Count:
    """What is known of one product: its counters, and whether and for how much it is sold now."""

    on_hand: int = 0
    held: int = 0
    version: int = 0
    listed: bool = True
    price_minor: int = 0
    listing_version: int = 0

    @property
    def available(self) -> int:
        return max(0, self.on_hand - self.held)

    @property
    def band(self) -> Availability:
        if not self.listed or not self.available:
            return Availability.OUT
        return Availability.LOW if self.available <= LOW_UNITS else Availability.IN_STOCK

    @property
    def window(self) -> Window:
        """What strangers can tell apart."""
        return self.band, self.price_minor

    def after(self, change: Mapping[str, Any]) -> "Count | None":
        """As it is after an event; None when the event is known already."""
        if "on_hand" in change:
            if change["version"] <= self.version:
                return None
            counters = {name: change[name] for name in ("on_hand", "held", "version")}
            return replace(self, **counters)
        if change["version"] <= self.listing_version:
            return None
        listed, price_minor = bool(change["available"]), int(change["price_minor"])
        version = int(change["version"])
        return replace(self, listed=listed, price_minor=price_minor, listing_version=version)


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
class Digest:
    """What some events did to a shelf: the products as they are, and those strangers hear of."""

    store_id: UUID
    counts: Mapping[UUID, Count]
    moved: Collection[UUID]

    def changes(self, staff: bool, only: frozenset[UUID] | None) -> list[StockChange]:
        """What is worth a message: staff hear of each number, others of band and price."""
        keys = set(self.counts) if staff else self.counts.keys() & self.moved
        if only is not None:
            keys &= only
        return [self._change(key, self.counts[key], staff) for key in sorted(keys)]

    def _change(self, product_id: UUID, count: Count, staff: bool) -> StockChange:
        numbers = (count.on_hand, count.held, count.available, count.version)
        return StockChange(self.store_id, product_id, count.band, *(numbers if staff else ()))


class Shelf:
    """What is known of a store's products, and what events change in it.

    Strangers are told of a product if at any event its band or its price was another than before,
    even when it is the same again at the end: whoever read it in between hears of it.
    """

    def __init__(self, database: Database, store_id: UUID) -> None:
        self._database = database
        self._store_id = store_id
        self._known: dict[UUID, Count] = {}

    async def look(self, product_ids: Collection[UUID]) -> Digest:
        """The products as they are now: as new as every event that has been told."""
        found = await self._read(product_ids)
        for key, count in found.items():
            self._known.setdefault(key, count)
        return Digest(self._store_id, found, found.keys())

    async def digest(self, hints: Sequence[Hint]) -> Digest:
        """Take events in; what is not known of a product yet is read."""
        touched, moved = self._learn(hints)
        if unknown := touched - self._known.keys():
            self._known.update(await self._read(unknown))
        counts = {key: self._known[key] for key in touched & self._known.keys()}
        return Digest(self._store_id, counts, moved)

    def _learn(self, hints: Sequence[Hint]) -> tuple[set[UUID], set[UUID]]:
        """The products that events touch, and those of which strangers have to hear."""
        touched: set[UUID] = set()
        moved: set[UUID] = set()
        for change in (one for hint in hints for one in changes_of(hint)):
            key = UUID(str(change["product_id"]))
            touched.add(key)
            before = self._known.get(key)
            following = before and before.after(change)
            if before is None or following is None:
                moved.add(key)  # what it was before this event is not known
                continue
            if before.window != following.window:
                moved.add(key)
            self._known[key] = following
        return touched, moved

    async def _read(self, product_ids: Collection[UUID]) -> dict[UUID, Count]:
        if not product_ids:
            return {}
        place = (Listing.store_id == Stock.store_id) & (Listing.product_id == Stock.product_id)
        query = (
            select(
                Stock.product_id,
                Stock.on_hand,
                Stock.held,
                Stock.version,
                Listing.available,
                func.coalesce(Listing.price_minor, 0),
                func.coalesce(Listing.version, 0),
            )
            .outerjoin(Listing, place)
            .where(Stock.store_id == self._store_id, Stock.product_id.in_(product_ids))
        )
        async with self._database.public() as session:
            rows = (await session.execute(query)).all()
        return {
            key: Count(on_hand, held, version, bool(listed), price, listing)
            for key, on_hand, held, version, listed, price, listing in rows
        }


def changes_of(hint: Hint) -> Sequence[Mapping[str, Any]]:
    """The products that one event of a shelf is about."""
    changes: Sequence[Mapping[str, Any]] = hint.body.get("changes") or [hint.body]
    return changes
