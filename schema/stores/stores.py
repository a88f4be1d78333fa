from datetime import time
from typing import Annotated

import strawberry

from dataloaders import stores as load
from models.stores import (
    PickupRefusal,
    Store,
    StoreHours,
    StoreKind,
    StoreStatus,
    Unserved,
    Weekday,
    ZoneFault,
)
from resolvers.operations import documents
from resolvers.rules import STORE
from resolvers.shared_inputs import GeoJSON
from resolvers.stores import stores as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.geo_points import GeoPointType, geo_point_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, NotFoundType, ProblemType, VersionConflictType
from services.stores import administration, coverage, pickup, zones


@backed_by(StoreHours, "An opening interval; at or before `opens`, `closes` is next day.")
class StoreHoursType:
    weekday: Weekday = field(resolve.weekday, "The day on which it begins.")
    opens: time = column("When it begins, in the store's time zone.")
    closes: time = column("When it ends, in the store's time zone.")


@backed_by(coverage.StoreStaffDetails, "What only a store's own people see of it.")
class StoreDeskType:
    version: int = column("Grows with each change: pass it as expectedVersion.")
    preparation_seconds: int = column("How long a usual order takes to pick and pack.")


@backed_by(Store, "A dark store: shelves, pickers and a zone it delivers to.")
class StoreType(NodeType):
    id: strawberry.ID = id_field(Store)
    code: str = column("Its short code, unique in the company.")
    name: str = column("What people call it.")
    kind: StoreKind = column("Whether it serves customers, or stores only.")
    status: StoreStatus = column("Its manager's switch, on top of the hours.")
    location: GeoPointType = geo_point_field("Where it stands.")
    pickup_enabled: bool = column("Whether customers can collect orders from it.")
    pickup_wait_seconds: int = column(
        "How long a packed order waits for its customer, counted in opening hours."
    )
    timezone: str = column("The time zone that its hours are in.")
    open_now: bool = related(load.is_open_by_store, "Whether it is within its hours now.")
    hours: list[StoreHoursType] = related(load.hours_by_store, "Its week, from Monday on.")
    zone: GeoJSON | None = related(
        load.zone_by_store, "The area it delivers to; null before one was set.", cost=10
    )
    manifest_url: str | None = field(
        documents.manifest_url,
        "Where the list of bags that wait for riders (PDF) is read, with the same Authorization"
        " header; null for others than its staff.",
        allow=STORE,
    )
    desk: StoreDeskType | None = related(
        load.staff_details_by_store,
        "What its own people see; null for those of others.",
        allow=STORE,
    )


@backed_by(coverage.NotServiceable, "Nobody delivers to that place now.")
class NotServiceableType(ProblemType):
    reason: Unserved = column("Why nobody does.")
    distance_to_nearest_zone_m: int | None = column("Metres to the nearest zone.")


@backed_by(pickup.PickupUnavailable, "The order can't be collected from that store now.")
class PickupUnavailableType(ProblemType):
    reason: PickupRefusal = column("Why it can't be.")


@backed_by(administration.CodeTaken, "Another store of the company has this code.")
class CodeTakenType(ProblemType):
    code: str = column("The code.")


@backed_by(zones.InvalidZone, "The area can't be a delivery zone.")
class InvalidZoneType(ProblemType):
    fault: ZoneFault = column("What is wrong with it.")


StoreCreateError = Annotated[
    NotFoundType | InvalidInputType | CodeTakenType,
    strawberry.union("StoreCreateError", description="Why no store was added."),
]
StoreUpdateError = Annotated[
    NotFoundType | InvalidInputType | VersionConflictType,
    strawberry.union("StoreUpdateError", description="Why the store stays as it is."),
]
StoreZoneSetError = Annotated[
    NotFoundType | VersionConflictType | InvalidZoneType,
    strawberry.union("StoreZoneSetError", description="Why the zone stays as it is."),
]


@backed_by(resolve.StoreOutcome, "What storeCreate did.")
class StoreCreatePayload:
    store: StoreType | None = column("The new store, closed until its manager opens it.")
    errors: list[StoreCreateError] = column("Every reason why nothing was done.")


@backed_by(resolve.StoreOutcome, "What storeUpdate did.")
class StoreUpdatePayload:
    store: StoreType | None = column("The store as it is now.")
    errors: list[StoreUpdateError] = column("Every reason why nothing was done.")


@backed_by(resolve.StoreOutcome, "What storeZoneSet did.")
class StoreZoneSetPayload:
    store: StoreType | None = column("The store as it is now.")
    errors: list[StoreZoneSetError] = column("Every reason why nothing was done.")


@backed_by(resolve.StoreOutcome, "What storeHoursSet did.")
class StoreHoursSetPayload:
    store: StoreType | None = column("The store as it is now.")
    errors: list[StoreUpdateError] = column("Every reason why nothing was done.")
