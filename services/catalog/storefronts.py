"""The shop window at one place: the store that serves it, or why none does."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.companies import Company
from models.geo_point import Point
from models.stores import Store, Unserved
from services.stores.coverage import REASONS, Coverage, Serving
from services.stores.delivery_estimates import Promise, promise

SERVED = "A store delivers there now."


@dataclass(frozen=True, slots=True)
class Storefront:
    """One place at one moment, and the store chosen for it: the nearest that is open."""

    point: Point
    at: datetime
    chosen: Serving | None
    reason: Unserved | None
    distance_to_nearest_zone_m: int | None

    @property
    def serviceable(self) -> bool:
        return self.chosen is not None

    @property
    def message(self) -> str:
        """A sentence about whether and why."""
        return REASONS[self.reason] if self.reason else SERVED

    @property
    def store(self) -> Store | None:
        return self.chosen.store if self.chosen else None

    @property
    def company(self) -> Company | None:
        return self.chosen.company if self.chosen else None

    @property
    def store_id(self) -> UUID | None:
        return self.chosen.store.id if self.chosen else None

    @property
    def currency(self) -> str:
        return self.chosen.company.currency if self.chosen else ""

    @property
    def minimum_order_minor(self) -> int | None:
        return self.chosen.company.minimum_order_minor if self.chosen else None

    @property
    def delivery_fee_minor(self) -> int | None:
        return self.chosen.company.delivery_fee_minor if self.chosen else None

    @property
    def free_delivery_from_minor(self) -> int | None:
        return self.chosen.company.free_delivery_from_minor if self.chosen else None

    @property
    def small_order_fee_minor(self) -> int | None:
        return self.chosen.company.small_order_fee_minor if self.chosen else None

    @property
    def small_order_below_minor(self) -> int | None:
        return self.chosen.company.small_order_below_minor if self.chosen else None

    @property
    def promise(self) -> Promise | None:
        """What is promised for an order placed now; the fee is that of a small basket."""
        if self.chosen is None:
            return None
        company = self.chosen.company
        return promise(
            distance_m=self.chosen.distance_m,
            preparation_seconds=self.chosen.store.preparation_seconds,
            fee_minor=company.delivery_fee_minor,
            currency=company.currency,
            now=self.at,
        )


def storefront(found: Coverage) -> Storefront:
    """The window of the nearest open store among those found."""
    chosen = found.serving[0] if found.serving else None
    nearest = 0 if chosen else found.nearest_zone_m
    return Storefront(found.point, found.at, chosen, found.reason, nearest)
