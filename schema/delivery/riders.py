from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import companies as load_companies
from dataloaders import delivery as load_delivery
from models.riders import (
    RejectedLocationReason,
    Rider,
    RiderAction,
    RiderLocation,
    RiderStatus,
    VehicleKind,
)
from resolvers.delivery import riders as resolve
from resolvers.rules import STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import (
    InvalidInputType,
    InvalidTransitionType,
    NotFoundType,
    ProblemType,
    RateLimitedType,
    VersionConflictType,
)
from services.delivery import riders
from services.delivery.positions import position_validation

if TYPE_CHECKING:
    from schema.accounts.people import UserType
    from schema.companies.companies import CompanyType
    from schema.delivery.deliveries import DeliveryOfferType, DeliveryType


@backed_by(RiderLocation, "The last position of a rider (WGS 84).")
class RiderLocationType:
    latitude: float = column("Degrees north.")
    longitude: float = column("Degrees east.")
    heading_degrees: float | None = column("Heading in degrees clockwise from north.")
    speed_meters_per_second: float | None = column("Speed in metres per second.")
    accuracy_meters: float | None = column("Accuracy in metres.")
    recorded_at: datetime = column("Time by the server's clock.")


@backed_by(Rider, "A person who delivers orders for a company.")
class RiderType(NodeType):
    id: strawberry.ID = id_field(Rider)
    status: RiderStatus = column("Whether they are on shift.")
    available_actions: list[RiderAction] = field(
        resolve.available_actions,
        "The actions that the caller can take now.",
    )
    version: int = column("Increases with each change.")
    vehicle: VehicleKind = column("Their vehicle.")
    online_since: datetime | None = column("Since when they have been ONLINE.")
    name: str | None = field(resolve.name, "The rider's name.")
    company: Annotated["CompanyType", strawberry.lazy("schema.companies.companies")] | None = (
        related(
            load_companies.company_by_id, "The company that the rider works for.", by="company_id"
        )
    )
    user: Annotated["UserType", strawberry.lazy("schema.accounts.people")] | None = field(
        resolve.person,
        "The person with contact data, for managers, admins and support of the company.",
        allow=STORE_OR_SUPPORT,
    )
    location: RiderLocationType | None = field(
        resolve.position,
        "Last position in this shift; null while OFFLINE, without a delivery after half"
        " an hour of silence, and for the staff of stores other than that of the current"
        " delivery.",
    )
    current_delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = field(
        resolve.current_delivery,
        "Their current delivery; null for the staff of other stores.",
    )


@backed_by(riders.ViewerRider, "The viewer as a rider.")
class RiderDeskType:
    rider: RiderType = column("The rider of the current shift, otherwise of the last shift.")
    riders: list[RiderType] = column(
        "The viewer as a rider of each company; at most one of them is on shift."
    )
    current_delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = related(load_delivery.delivery_by_id, "The current delivery.", by="live_delivery_id")
    offers: list[Annotated["DeliveryOfferType", strawberry.lazy("schema.delivery.deliveries")]] = (
        related(load_delivery.open_offers_by_rider, "Open offers: at most one.")
    )


@backed_by(position_validation.RejectedLocation, "A reported point that was ignored.")
class RejectedLocationType:
    index: int = column("Its index in the request, from 0.")
    reason: RejectedLocationReason = column("Why.")


@backed_by(
    position_validation.ImplausibleLocation, "The reported position implies an impossible speed."
)
class ImplausibleLocationType(ProblemType):
    speed_meters_per_second: float = column(
        "The speed since the last report, in metres per second."
    )


RiderGoOnlineError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union("RiderGoOnlineError", description="Problems that `riderGoOnline` can return."),
]
RiderGoOfflineError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "RiderGoOfflineError", description="Problems that `riderGoOffline` can return."
    ),
]
RiderEndShiftError = Annotated[
    NotFoundType | InvalidTransitionType | VersionConflictType,
    strawberry.union("RiderEndShiftError", description="Problems that `riderEndShift` can return."),
]
RiderLocationReportError = Annotated[
    NotFoundType
    | InvalidTransitionType
    | InvalidInputType
    | RateLimitedType
    | ImplausibleLocationType,
    strawberry.union(
        "RiderLocationReportError", description="Problems that `riderLocationReport` can return."
    ),
]
RiderLocationsReportError = Annotated[
    NotFoundType | InvalidTransitionType | InvalidInputType | RateLimitedType,
    strawberry.union(
        "RiderLocationsReportError",
        description="Problems that `riderLocationsReport` can return.",
    ),
]
NOW = "The rider as they are now; null when nothing was done."
ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.RiderOutcome, "Result of `riderGoOnline`.")
class RiderGoOnlinePayload:
    rider: RiderType | None = column(NOW)
    errors: list[RiderGoOnlineError] = column(ERRORS)


@backed_by(resolve.RiderOutcome, "Result of `riderGoOffline`.")
class RiderGoOfflinePayload:
    rider: RiderType | None = column(NOW)
    errors: list[RiderGoOfflineError] = column(ERRORS)


@backed_by(resolve.RiderOutcome, "Result of `riderEndShift`.")
class RiderEndShiftPayload:
    rider: RiderType | None = column(NOW)
    errors: list[RiderEndShiftError] = column(ERRORS)


@backed_by(resolve.LocationReportOutcome, "Result of `riderLocationReport`.")
class RiderLocationReportPayload:
    rider_location: RiderLocationType | None = column(
        "The stored position; null if the report was rejected."
    )
    dropoff_eta_seconds: int | None = column("Estimated seconds to the customer, after the pickup.")
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(load_delivery.delivery_by_id, "The current delivery.", by="delivery_id")
    )
    errors: list[RiderLocationReportError] = column(ERRORS)


@backed_by(resolve.LocationReportBatchOutcome, "Result of `riderLocationsReport`.")
class RiderLocationsReportPayload:
    rider_location: RiderLocationType | None = column(
        "The newest accepted point; null if there is none."
    )
    accepted_count: int = column("Number of accepted points.")
    rejected: list[RejectedLocationType] = column("The ignored points with the reasons.")
    dropoff_eta_seconds: int | None = column("Estimated seconds to the customer, after the pickup.")
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(load_delivery.delivery_by_id, "The current delivery.", by="delivery_id")
    )
    errors: list[RiderLocationsReportError] = column(ERRORS)
