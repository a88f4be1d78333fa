from datetime import time
from typing import Annotated

import strawberry

from dataloaders import stores as load
from models.stores import (
    InvalidZoneReason,
    PickupUnavailableReason,
    Store,
    StoreHours,
    StoreKind,
    StoreStatus,
    UnserviceableReason,
    Weekday,
)
from models.timers import StoreTimers
from resolvers.operations import documents
from resolvers.rules import STORE
from resolvers.shared_inputs import GeoJSON
from resolvers.stores import stores as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.geo_points import GeoPointType, geo_point_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from services.stores import administration, coverage, opening_hours, pickup, zone_shapes


@backed_by(StoreHours, "An opening interval; at or before `opens`, `closes` is next day.")
class StoreHoursType:
    weekday: Weekday = field(resolve.weekday, "The day on which it starts.")
    opens: time = column("Start in the store's time zone.")
    closes: time = column("End in the store's time zone.")


@backed_by(
    StoreTimers,
    "The timers that a store has set itself, in seconds; null where those of its company hold.",
)
class StoreTimersType:
    payment_seconds: int | None = column("Time for the payment of a new order.")
    accept_seconds: int | None = column(
        "Time for the store to accept a new task before it moves to the next store."
    )
    resume_seconds: int | None = column(
        "The same for a task that was given back with picked units."
    )
    offer_seconds: int | None = column("Time for a rider to answer an offer.")
    rider_silence_seconds: int | None = column(
        "Time without positions after which a rider loses the delivery, or is asked for a position"
        " if they have the bags."
    )
    rider_silence_case_seconds: int | None = column(
        "Time without positions of a rider with the bags after which support gets a case."
    )
    no_show_wait_seconds: int | None = column(
        "Time for which a rider waits for the customer at the door."
    )
    picking_idle_seconds: int | None = column(
        "Time after which an accepted task that nobody works on goes back to the queue."
    )
    substitute_answer_seconds: int | None = column(
        "Time for a customer to answer a substitute before the preference of the line decides."
    )
    packed_wait_seconds: int | None = column(
        "Time until a store is alerted to packed bags that are not staged, and as long again until"
        " support is."
    )
    staged_wait_seconds: int | None = column(
        "Time until store and support are alerted to staged bags without a rider."
    )
    search_wider_seconds: int | None = column(
        "Time after which a search looks for riders farther away."
    )
    search_alert_seconds: int | None = column(
        "Time until store and support are alerted to a search without a rider."
    )
    search_cancel_offer_seconds: int | None = column(
        "Time after which the customer of a search without a rider may cancel with a full refund."
    )
    search_end_seconds: int | None = column(
        "Time after which the order of a search without a rider is canceled with a full refund."
    )
    reauthorization_seconds: int | None = column(
        "Time for a customer to confirm again a payment that was lost before the charge."
    )
    change_payment_seconds: int | None = column(
        "Time for a customer to confirm the higher total of a changed order."
    )


@backed_by(coverage.StoreStaffDetails, "Details of a store for its staff.")
class StoreDeskType:
    version: int = column("Increases with each change; pass it as expectedVersion.")
    preparation_seconds: int = column("Usual seconds to pick and pack an order.")
    timers: StoreTimersType = column("The timers that hold here instead of its company's.")
    business_day_start: time = column(
        "Local time at which a business day begins: sales after midnight and before it belong to"
        " the day before. A change holds from the next business day on."
    )


@backed_by(Store, "A dark store or a warehouse.")
class StoreType(NodeType):
    id: strawberry.ID = id_field(Store)
    code: str = column("Its short code, unique in the company.")
    name: str = column("Its name.")
    type: StoreKind = column("Whether it serves customers, or stores only.")
    status: StoreStatus = column("Its status, set by its manager in addition to the opening hours.")
    location: GeoPointType = geo_point_field("Location of the store.")
    pickup_enabled: bool = column("Whether customers can collect orders from it.")
    pickup_wait_seconds: int = column(
        "Seconds of opening time for which a packed order waits for its customer."
    )
    timezone: str = column("Time zone of its opening hours.")
    is_open: bool = related(load.is_open_by_store, "Whether it is within its opening hours now.")
    opening_hours: list[StoreHoursType] = related(
        load.hours_by_store, "Its weekly opening hours, from Monday."
    )
    delivery_zone: GeoJSON | None = related(
        load.zone_by_store, "Its delivery zone; null before one was set.", cost=10
    )
    manifest_url: str | None = field(
        documents.manifest_url,
        "URL of the list of bags that wait for riders (PDF), which needs the same"
        " Authorization header; null except for its staff.",
        allow=STORE,
    )
    desk: StoreDeskType | None = related(
        load.staff_details_by_store,
        "Details for its staff; null for others.",
        allow=STORE,
    )


@backed_by(coverage.NotServiceable, "No store delivers to that location now.")
class NotServiceableType(ProblemType):
    reason: UnserviceableReason = column("The reason.")
    distance_to_nearest_zone_meters: int | None = column(
        "Distance to the nearest delivery zone in metres."
    )


@backed_by(pickup.PickupUnavailable, "The order cannot be collected from that store now.")
class PickupUnavailableType(ProblemType):
    reason: PickupUnavailableReason = column("The reason.")


@backed_by(administration.CodeTaken, "Another store of the company has this code.")
class CodeTakenType(ProblemType):
    code: str = column("The code.")


@backed_by(opening_hours.OpeningHoursOverlap, "An interval overlaps another one of the week.")
class OpeningHoursOverlapType(ProblemType):
    weekday: Weekday = column("The day on which the other interval starts.")
    opens: time = column("Start of the other interval.")
    closes: time = column("End of the other interval.")


@backed_by(zone_shapes.ZonePlace, "A position in a delivery zone that was sent.")
class ZonePlaceType:
    polygon: int = column("Index of the polygon, from 0.")
    ring: int = column("Index of the ring in its polygon; 0 is the outer ring.")
    point: int = column("Index of the position in its ring, from 0.")
    longitude: float = column("Longitude of the position in degrees.")
    latitude: float = column("Latitude of the position in degrees.")


@backed_by(zone_shapes.InvalidZone, "The area is not a valid delivery zone.")
class InvalidZoneType(ProblemType):
    reason: InvalidZoneReason = column("Why it is invalid.")
    place: ZonePlaceType | None = column("Where it is invalid; null if that is no single place.")


StoreCreateError = Annotated[
    NotFoundType | InvalidInputType | CodeTakenType,
    strawberry.union("StoreCreateError", description="Problems that `storeCreate` can return."),
]
StoreUpdateError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union("StoreUpdateError", description="Problems that `storeUpdate` can return."),
]
StoreHoursSetError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType | OpeningHoursOverlapType,
    strawberry.union("StoreHoursSetError", description="Problems that `storeHoursSet` can return."),
]
StoreZoneSetError = Annotated[
    NotFoundType | VersionConflictType | InvalidZoneType,
    strawberry.union("StoreZoneSetError", description="Problems that `storeZoneSet` can return."),
]


@backed_by(resolve.StoreOutcome, "Result of `storeCreate`.")
class StoreCreatePayload:
    store: StoreType | None = column("The new store, which is CLOSED until its manager opens it.")
    errors: list[StoreCreateError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.StoreOutcome, "Result of `storeUpdate`.")
class StoreUpdatePayload:
    store: StoreType | None = column("The store after the mutation.")
    errors: list[StoreUpdateError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.StoreOutcome, "Result of `storeZoneSet`.")
class StoreZoneSetPayload:
    store: StoreType | None = column("The store after the mutation.")
    errors: list[StoreZoneSetError] = column("The problems; empty if the mutation succeeded.")


@backed_by(resolve.StoreOutcome, "Result of `storeHoursSet`.")
class StoreHoursSetPayload:
    store: StoreType | None = column("The store after the mutation.")
    errors: list[StoreHoursSetError] = column("The problems; empty if the mutation succeeded.")
