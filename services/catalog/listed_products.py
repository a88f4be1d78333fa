"""What a store offers, as light rows: made once, shared by all who read them, never changed."""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from orjson import loads

from models.catalog import Availability, ProductSort, TemperatureZone
from services.catalog.categories import Shelf

LOW_UNITS = 5


class Maker(NamedTuple):
    """A brand as products carry it."""

    id: UUID
    slug: str
    name: str
    told: str

    @property
    def translations(self) -> dict[str, Any]:
        """Its texts in other languages."""
        told: dict[str, Any] = loads(self.told)
        return told


class Offer(NamedTuple):
    """A product in one store: what it is, what it costs there, and how much there is of it.

    `units` is on_hand - held; nobody but staff may be told the number. Where no store is in
    question, store, price, units and version are None.
    """

    id: UUID
    store_id: UUID | None
    company_id: UUID
    code: str
    barcode: str | None
    name: str
    told: str
    brand: Maker | None
    category: Shelf
    price_minor: int | None
    currency: str
    listed: bool
    units: int | None
    offer_text: str
    aisle: str
    temperature_zone: TemperatureZone
    weighed: bool
    unit_grams: int | None
    age_restricted: bool
    listing_version: int | None
    kilo_price_minor: int | None
    rank: float = 0.0

    @property
    def translations(self) -> dict[str, Any]:
        """Its texts in other languages: few ask for them, so they are read when asked for."""
        told: dict[str, Any] = loads(self.told)
        return told

    @property
    def availability(self) -> Availability | None:
        """The band of stock that strangers may see."""
        if self.store_id is None:
            return None
        if self.orderable == 0:
            return Availability.OUT
        return Availability.LOW if self.orderable <= LOW_UNITS else Availability.IN_STOCK

    @property
    def orderable(self) -> int:
        """How many could be ordered now."""
        return max(0, self.units or 0) if self.listed else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a store's products; equal wants are read once."""

    store_id: UUID
    first: int
    sort: ProductSort | None
    after: tuple[Any, ...] | None = None
    category_ids: tuple[UUID, ...] | None = None
    query: str | None = None
