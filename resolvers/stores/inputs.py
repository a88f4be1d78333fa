from datetime import time
from uuid import UUID

import strawberry

from models.stores import StoreKind, StoreStatus, Weekday
from resolvers.shared_inputs import CompanyTimersInput, GeoJSON, GeoPointInput, given_timers
from services.stores.administration import NewStore, StoreChange
from services.stores.opening_hours import OpeningInterval

VERSION = "The version of the store that the caller has read."
DAY_START = (
    "Local time at which a business day begins, from 00:00 to 12:00: sales after midnight and"
    " before it belong to the day before. A change counts from then on."
)


@strawberry.input(description="Input of `storeCreate`.")
class StoreCreateInput:
    company_id: strawberry.ID = strawberry.field(description="The company that runs it.")
    code: str = strawberry.field(description="A short code, unique in the company.")
    name: str = strawberry.field(description="Its name.")
    location: GeoPointInput = strawberry.field(description="Location of the store.")
    timezone: str = strawberry.field(description="Its time zone, such as Europe/Lisbon.")
    preparation_seconds: int = strawberry.field(
        default=150, description="Usual seconds to pick and pack an order."
    )
    type: StoreKind = strawberry.field(
        default=StoreKind.DARK_STORE,
        description="The kind, which cannot be changed. A warehouse has no delivery zone and"
        " supplies stores only.",
    )
    business_day_start: time = strawberry.field(default=time(0), description=DAY_START)

    def to_new_store(self, company_id: UUID) -> NewStore:
        """Convert the input. Raises DomainError: InvalidInput for an invalid location."""
        point = self.location.to_point("input", "location")
        rest = self.preparation_seconds, self.type, self.business_day_start
        return NewStore(company_id, self.code, self.name, point, self.timezone, *rest)


@strawberry.input(description="Input of `storeUpdate`. Fields that are left out are not changed.")
class StoreUpdateInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    expected_version: int = strawberry.field(description=VERSION)
    name: str | None = strawberry.field(default=None, description="Its name.")
    status: StoreStatus | None = strawberry.field(default=None, description="Its status.")
    timezone: str | None = strawberry.field(
        default=None,
        description="Its time zone: for opening hours at once, for business days from the next on.",
    )
    preparation_seconds: int | None = strawberry.field(
        default=None, description="Usual seconds to pick and pack an order."
    )

    pickup_enabled: bool | None = strawberry.field(
        default=None, description="Whether customers can collect orders from it."
    )
    pickup_wait_seconds: int | None = strawberry.field(
        default=None,
        description="Seconds of opening time for which a packed order waits for its customer,"
        " from 600 to 86,400.",
    )
    business_day_start: time | None = strawberry.field(default=None, description=DAY_START)

    timers: CompanyTimersInput | None = strawberry.field(
        default=None,
        description="Timers that hold for this store instead of its company's, for steps that begin"
        " later.",
    )
    clear_timers: bool = strawberry.field(
        default=False,
        description="Whether the store's own timers end first: its company's hold again, apart from"
        " those in `timers`.",
    )

    def to_change(self) -> StoreChange:
        same = (
            "name", "status", "timezone", "preparation_seconds", "pickup_enabled",
            "pickup_wait_seconds", "business_day_start",
        )  # fmt: skip
        values = {name: getattr(self, name) for name in same}
        timers = given_timers(self.timers)
        return StoreChange(**values, timers=timers, clears_timers=self.clear_timers)


@strawberry.input(description="Input of `storeZoneSet`.")
class StoreZoneSetInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    delivery_zone: GeoJSON = strawberry.field(
        description="A GeoJSON Polygon or MultiPolygon, or a Feature or collection of them,"
        " longitude first, of at most 5,000 points. It is stored with at most 128 points,"
        " simplified by up to 50 m; polygons that touch become one."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="An opening interval; at or before `opens`, `closes` is next day.")
class StoreHoursInput:
    weekday: Weekday = strawberry.field(description="The day on which it starts.")
    opens: time = strawberry.field(description="Start in the store's time zone.")
    closes: time = strawberry.field(description="End in the store's time zone.")

    def to_interval(self) -> OpeningInterval:
        weekday = list(Weekday).index(self.weekday)
        return OpeningInterval(weekday, self.opens, self.closes)


@strawberry.input(description="Input of `storeHoursSet`: the opening hours of the whole week.")
class StoreHoursSetInput:
    store_id: strawberry.ID = strawberry.field(description="The store.")
    opening_hours: list[StoreHoursInput] = strawberry.field(
        description="At most 28 intervals, which do not overlap."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)
