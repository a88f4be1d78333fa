"""The storefront at a point: the store that delivers there, or the reason why none does."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.companies import Company
from models.geo_point import Point
from models.stores import Store, UnserviceableReason
from services.stores.coverage import UNSERVED_MESSAGES, Coverage, ServingStore
from services.stores.delivery_estimates import (
    DeliveryEstimate,
    estimate_delivery,
    estimate_pickup,
)

SERVICEABLE_MESSAGE = "A store delivers there now."


@dataclass(frozen=True, slots=True)
class Storefront:
    """The storefront of a point at a time, with the nearest open store that delivers there."""

    location: Point
    at: datetime
    serving_store: ServingStore | None
    unserviceable_reason: UnserviceableReason | None
    distance_to_nearest_zone_meters: int | None

    @property
    def serviceable(self) -> bool:
        return self.serving_store is not None

    @property
    def message(self) -> str:
        """A message for users about the serviceability."""
        return (
            UNSERVED_MESSAGES[self.unserviceable_reason]
            if self.unserviceable_reason
            else SERVICEABLE_MESSAGE
        )

    @property
    def store(self) -> Store | None:
        return self.serving_store.store if self.serving_store else None

    @property
    def company(self) -> Company | None:
        return self.serving_store.company if self.serving_store else None

    @property
    def store_id(self) -> UUID | None:
        return self.serving_store.store.id if self.serving_store else None

    @property
    def currency(self) -> str:
        return self.serving_store.company.currency if self.serving_store else ""

    @property
    def minimum_order_minor(self) -> int | None:
        return self.serving_store.company.minimum_order_minor if self.serving_store else None

    @property
    def delivery_fee_minor(self) -> int | None:
        return self.serving_store.company.delivery_fee_minor if self.serving_store else None

    @property
    def free_delivery_threshold_minor(self) -> int | None:
        return (
            self.serving_store.company.free_delivery_threshold_minor if self.serving_store else None
        )

    @property
    def small_order_fee_minor(self) -> int | None:
        return self.serving_store.company.small_order_fee_minor if self.serving_store else None

    @property
    def small_order_threshold_minor(self) -> int | None:
        return (
            self.serving_store.company.small_order_threshold_minor if self.serving_store else None
        )

    @property
    def delivery_estimate(self) -> DeliveryEstimate | None:
        """The delivery estimate for an order placed now; its fee is the regular delivery fee."""
        if self.serving_store is None:
            return None
        company = self.serving_store.company
        return estimate_delivery(
            distance_m=self.serving_store.distance_m,
            preparation_seconds=self.serving_store.store.preparation_seconds,
            fee_minor=company.delivery_fee_minor,
            currency=company.currency,
            now=self.at,
        )

    @property
    def pickup_estimate(self) -> DeliveryEstimate | None:
        """When an order placed now can be collected; None where the store offers no pickup."""
        if self.serving_store is None or not self.serving_store.store.pickup_enabled:
            return None
        return estimate_pickup(
            preparation_seconds=self.serving_store.store.preparation_seconds,
            currency=self.currency,
            now=self.at,
        )


def build_storefront(coverage: Coverage) -> Storefront:
    """Build the storefront of the nearest open store."""
    serving_store = coverage.serving_stores[0] if coverage.serving_stores else None
    distance_m = 0 if serving_store else coverage.nearest_zone_m
    return Storefront(coverage.point, coverage.at, serving_store, coverage.reason, distance_m)
