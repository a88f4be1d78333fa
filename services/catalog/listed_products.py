"""Products as a store lists them: immutable rows that concurrent requests share."""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from orjson import loads

from models.catalog import Availability, ProductSort, TemperatureZone
from services.catalog.categories import StoreCategory

LOW_STOCK_UNITS = 5


class BrandRef(NamedTuple):
    """The brand of a listed product."""

    id: UUID
    slug: str
    name: str
    translations_json: str

    @property
    def translations(self) -> dict[str, Any]:
        """The texts in other languages."""
        translations: dict[str, Any] = loads(self.translations_json)
        return translations


class ListedProduct(NamedTuple):
    """A product in one store, with its price and stock there.

    `units` is on_hand - held; only staff may see the number. Outside any store, `store_id`,
    `price_minor`, `units` and `listing_version` are None.
    """

    id: UUID
    store_id: UUID | None
    company_id: UUID
    sku: str
    barcode: str | None
    name: str
    translations_json: str
    brand: BrandRef | None
    category: StoreCategory
    price_minor: int | None
    currency: str
    listed: bool
    units: int | None
    promotion_label: str
    aisle: str
    temperature_zone: TemperatureZone
    sold_by_weight: bool
    average_weight_grams: int | None
    age_restricted: bool
    listing_version: int | None
    price_per_kilogram_minor: int | None
    rank: float = 0.0

    @property
    def translations(self) -> dict[str, Any]:
        """The texts in other languages, parsed on access because few requests need them."""
        translations: dict[str, Any] = loads(self.translations_json)
        return translations

    @property
    def availability(self) -> Availability | None:
        """The stock level that customers may see; None outside any store."""
        if self.store_id is None:
            return None
        if self.orderable_units == 0:
            return Availability.OUT_OF_STOCK
        return (
            Availability.LOW_STOCK
            if self.orderable_units <= LOW_STOCK_UNITS
            else Availability.IN_STOCK
        )

    @property
    def orderable_units(self) -> int:
        """The number of units that can be ordered now."""
        return max(0, self.units or 0) if self.listed else 0


@dataclass(frozen=True, slots=True)
class ProductPageRequest:
    """A request for a page of a store's products; equal requests are read once."""

    store_id: UUID
    first: int
    sort: ProductSort | None
    after: tuple[Any, ...] | None = None
    category_ids: tuple[UUID, ...] | None = None
    query: str | None = None
