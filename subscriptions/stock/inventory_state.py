"""The stock and listing state of one store's products, and the effect of events on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from database.announcer import EventNotice
from database.sessions import Database
from models.catalog import Availability, Listing
from models.stock import StockLevel
from services.catalog.listed_products import LOW_STOCK_UNITS

PublicView = tuple[Availability, int]
"""The availability and the price (minor units)."""


@dataclass(frozen=True, slots=True)
class ProductState:
    """The stock counters of one product, and whether and at what price the store sells it."""

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
    def availability(self) -> Availability:
        if not self.listed or not self.available:
            return Availability.OUT_OF_STOCK
        return (
            Availability.LOW_STOCK if self.available <= LOW_STOCK_UNITS else Availability.IN_STOCK
        )

    @property
    def public_view(self) -> PublicView:
        """What is visible to others than the store's staff."""
        return self.availability, self.price_minor

    def apply(self, change: Mapping[str, Any]) -> "ProductState | None":
        """Return the state after an event; None when the event is not newer than the state."""
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
    """The stock of one product; the quantities are None for others than the store's staff."""

    store_id: UUID
    product_id: UUID
    availability: Availability
    on_hand: int | None = None
    reserved: int | None = None
    available: int | None = None
    version: int | None = None

    @property
    def store_and_product(self) -> tuple[UUID, UUID]:
        return self.store_id, self.product_id


@dataclass(frozen=True, slots=True)
class InventoryDigest:
    """The products that some events changed, and which of them changed publicly."""

    store_id: UUID
    products: Mapping[UUID, ProductState]
    publicly_changed: Collection[UUID]

    def changes(self, staff: bool, only: frozenset[UUID] | None) -> list[StockChange]:
        """Return the changes to send: staff see every change, others those of the public view."""
        keys = set(self.products) if staff else self.products.keys() & self.publicly_changed
        if only is not None:
            keys &= only
        return [self._change(key, self.products[key], staff) for key in sorted(keys)]

    def _change(self, product_id: UUID, state: ProductState, staff: bool) -> StockChange:
        quantities = (state.on_hand, state.held, state.available, state.version)
        visible = quantities if staff else ()
        return StockChange(self.store_id, product_id, state.availability, *visible)


class InventoryState:
    """The state of a store's products, as far as it has been read.

    A product changed publicly if any event changed its public view, even when the last event
    restored it: a client may have read the product in between.
    """

    def __init__(self, database: Database, store_id: UUID) -> None:
        self._database = database
        self._store_id = store_id
        self._known: dict[UUID, ProductState] = {}

    async def read_products(self, product_ids: Collection[UUID]) -> InventoryDigest:
        """Read products now: the result includes every event that has been delivered."""
        products = await self._read(product_ids)
        for product_id, state in products.items():
            self._known.setdefault(product_id, state)
        return InventoryDigest(self._store_id, products, products.keys())

    async def apply_events(self, notices: Sequence[EventNotice]) -> InventoryDigest:
        """Apply events; reads the products whose state is not known yet."""
        changed, publicly_changed = self._apply(notices)
        if unknown := changed - self._known.keys():
            self._known.update(await self._read(unknown))
        products = {key: self._known[key] for key in changed & self._known.keys()}
        return InventoryDigest(self._store_id, products, publicly_changed)

    def _apply(self, notices: Sequence[EventNotice]) -> tuple[set[UUID], set[UUID]]:
        """Return the products that events change, and those of them that change publicly."""
        changed: set[UUID] = set()
        publicly_changed: set[UUID] = set()
        for change in (change for notice in notices for change in product_changes(notice)):
            key = UUID(str(change["product_id"]))
            changed.add(key)
            before = self._known.get(key)
            after = before and before.apply(change)
            if before is None or after is None:
                publicly_changed.add(key)  # the state before this event is not known
                continue
            if before.public_view != after.public_view:
                publicly_changed.add(key)
            self._known[key] = after
        return changed, publicly_changed

    async def _read(self, product_ids: Collection[UUID]) -> dict[UUID, ProductState]:
        if not product_ids:
            return {}
        same_store = Listing.store_id == StockLevel.store_id
        same_product = Listing.product_id == StockLevel.product_id
        query = (
            select(
                StockLevel.product_id,
                StockLevel.on_hand,
                StockLevel.reserved,
                StockLevel.version,
                Listing.available,
                func.coalesce(Listing.price_minor, 0),
                func.coalesce(Listing.version, 0),
            )
            .outerjoin(Listing, same_store & same_product)
            .where(StockLevel.store_id == self._store_id, StockLevel.product_id.in_(product_ids))
        )
        async with self._database.read_public() as session:
            rows = (await session.execute(query)).all()
        return {
            key: ProductState(on_hand, held, version, bool(listed), price_minor, listing_version)
            for key, on_hand, held, version, listed, price_minor, listing_version in rows
        }


def product_changes(notice: EventNotice) -> Sequence[Mapping[str, Any]]:
    """Return the changes of single products that an inventory event carries."""
    changes: Sequence[Mapping[str, Any]] = notice.body.get("changes") or [notice.body]
    return changes
