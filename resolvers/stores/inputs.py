from datetime import time
from uuid import UUID

import strawberry

from models.stores import StoreKind, StoreStatus, Weekday
from resolvers.shared_inputs import GeoJSON, GeoPointInput
from services.stores.administration import NewStore, OpeningInterval, StoreChange

VERSION = "The store's version that this change was made for."


@strawberry.input(description="A new store of a company.")
class StoreCreateInput:
    company_id: strawberry.ID = strawberry.field(description="The company that runs it.")
    code: str = strawberry.field(description="A short code, unique in the company.")
    name: str = strawberry.field(description="What people call it.")
    at: GeoPointInput = strawberry.field(description="Where it stands.")
    timezone: str = strawberry.field(description="Its time zone, such as Europe/Lisbon.")
    preparation_seconds: int = strawberry.field(
        default=150, description="How long a usual order takes to pick and pack."
    )
    kind: StoreKind = strawberry.field(
        default=StoreKind.DARK_STORE,
        description="A warehouse has no zone and serves stores only; a kind is for good.",
    )

    def to_new_store(self, company_id: UUID) -> NewStore:
        """Convert the input. Raises DomainError: InvalidInput for an invalid location."""
        point = self.at.to_point("input", "at")
        return NewStore(
            company_id,
            self.code,
            self.name,
            point,
            self.timezone,
            self.preparation_seconds,
            self.kind,
        )


@strawberry.input(description="What to change about a store; what is left out stays as it is.")
class StoreUpdateInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    expected_version: int = strawberry.field(description=VERSION)
    name: str | None = strawberry.field(default=None, description="What people call it.")
    status: StoreStatus | None = strawberry.field(default=None, description="Its switch.")
    timezone: str | None = strawberry.field(default=None, description="Its time zone.")
    preparation_seconds: int | None = strawberry.field(
        default=None, description="How long a usual order takes to pick and pack."
    )

    pickup_enabled: bool | None = strawberry.field(
        default=None, description="Whether customers can collect orders from it."
    )
    pickup_wait_seconds: int | None = strawberry.field(
        default=None,
        description="How long a packed order waits for its customer, counted in opening hours:"
        " from 600 to 86,400.",
    )

    def to_change(self) -> StoreChange:
        return StoreChange(
            self.name,
            self.status,
            self.timezone,
            self.preparation_seconds,
            self.pickup_enabled,
            self.pickup_wait_seconds,
        )


@strawberry.input(description="The area that a store delivers to.")
class StoreZoneSetInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    area: GeoJSON = strawberry.field(
        description="A GeoJSON Polygon or MultiPolygon, longitude first, of at most 5,000 points."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An opening interval; at or before `opens`, `closes` is next day.")
class StoreHoursInput:
    weekday: Weekday = strawberry.field(description="The day on which it begins.")
    opens: time = strawberry.field(description="When it begins, in the store's time zone.")
    closes: time = strawberry.field(description="When it ends, in the store's time zone.")

    def to_interval(self) -> OpeningInterval:
        weekday = list(Weekday).index(self.weekday)
        return OpeningInterval(
            weekday, self.opens.replace(tzinfo=None), self.closes.replace(tzinfo=None)
        )


@strawberry.input(description="When a store is open, the whole week.")
class StoreHoursSetInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    hours: list[StoreHoursInput] = strawberry.field(description="At most 28 intervals.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
