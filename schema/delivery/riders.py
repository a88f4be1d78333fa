from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load_delivery
from models.riders import (
    IgnoredPointReason,
    Rider,
    RiderAction,
    RiderPosition,
    RiderStatus,
    Vehicle,
)
from resolvers.delivery import riders as resolve
from resolvers.rules import STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.fields import id_field
from schema.nodes import NodeType
from schema.problems import (
    IllegalStepType,
    InvalidInputType,
    NotFoundType,
    ProblemType,
    RateLimitedType,
)
from services.delivery import riders
from services.delivery.positions import position_validation

if TYPE_CHECKING:
    from schema.accounts.people import PersonType
    from schema.delivery.deliveries import DeliveryOfferType, DeliveryType


@backed_by(RiderPosition, "Where a rider was last seen (WGS 84).")
class RiderPositionType:
    latitude: float = column("Degrees north.")
    longitude: float = column("Degrees east.")
    heading_degrees: float | None = column("Where they were going, clockwise from north.")
    speed_mps: float | None = column("How fast, in metres a second.")
    accuracy_m: float | None = column("How far off this may be, in metres.")
    seen_at: datetime = column("When, by the server's clock.")


@backed_by(Rider, "A person who carries orders for a company.")
class RiderType(NodeType):
    id: strawberry.ID = id_field(Rider)
    status: RiderStatus = column("Whether they ride now.")
    available_actions: list[RiderAction] = field(
        resolve.available_actions,
        "What you can do about this shift now: nothing if it isn't yours.",
    )
    version: int = column("Grows with each change.")
    vehicle: Vehicle = column("What they ride.")
    online_since: datetime | None = column("Since when they have been ONLINE.")
    name: str | None = field(resolve.name, "The rider's name.")
    person: Annotated["PersonType", strawberry.lazy("schema.accounts.people")] | None = field(
        resolve.person,
        "The person with contact data, for managers, admins and support of the company.",
        allow=STORE_OR_SUPPORT,
    )
    position: RiderPositionType | None = field(
        resolve.position,
        "Where they were last seen in this shift; null while OFFLINE, and for the staff of stores "
        "other than that of the present delivery.",
    )
    current_delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = field(
        resolve.current_delivery,
        "The delivery they are on; null for the staff of other stores than its own.",
    )


@backed_by(riders.ViewerRider, "The viewer as a rider.")
class RiderDeskType:
    rider: RiderType = column("Your shift.")
    current_delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = related(load_delivery.delivery_by_id, "The ride you are on.", by="live_delivery_id")
    offers: list[Annotated["DeliveryOfferType", strawberry.lazy("schema.delivery.deliveries")]] = (
        related(
            load_delivery.open_offers_by_rider, "Offers that wait for your answer: at most one."
        )
    )


@backed_by(position_validation.IgnoredPoint, "A point that was not believed.")
class IgnoredPointType:
    index: int = column("Which one of the points that were sent, from 0.")
    reason: IgnoredPointReason = column("Why.")


@backed_by(
    position_validation.ImplausibleJump, "Nobody rides that fast: the report was not believed."
)
class ImplausibleJumpType(ProblemType):
    speed_mps: float = column("The speed it would take since the last report.")


RiderGoOnlineError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("RiderGoOnlineError", description="Why the shift did not begin."),
]
RiderGoOfflineError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("RiderGoOfflineError", description="Why the shift goes on."),
]
RiderLocationReportError = Annotated[
    NotFoundType | IllegalStepType | InvalidInputType | RateLimitedType | ImplausibleJumpType,
    strawberry.union("RiderLocationReportError", description="Why a report was dropped."),
]
RiderLocationReportBatchError = Annotated[
    NotFoundType | IllegalStepType | InvalidInputType | RateLimitedType,
    strawberry.union("RiderLocationReportBatchError", description="Why all points were dropped."),
]
NOW = "The rider as they are now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.RiderOutcome, "What riderGoOnline did.")
class RiderGoOnlinePayload:
    rider: RiderType | None = column(NOW)
    errors: list[RiderGoOnlineError] = column(ERRORS)


@backed_by(resolve.RiderOutcome, "What riderGoOffline did.")
class RiderGoOfflinePayload:
    rider: RiderType | None = column(NOW)
    errors: list[RiderGoOfflineError] = column(ERRORS)


@backed_by(resolve.LocationReportOutcome, "What riderLocationReport did.")
class RiderLocationReportPayload:
    position: RiderPositionType | None = column("The position as stored; null when it was dropped.")
    eta_seconds: int | None = column("Seconds to the door, with the bags on board.")
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(load_delivery.delivery_by_id, "The ride you are on.", by="delivery_id")
    )
    errors: list[RiderLocationReportError] = column(ERRORS)


@backed_by(resolve.LocationReportBatchOutcome, "What riderLocationReportBatch did.")
class RiderLocationReportBatchPayload:
    position: RiderPositionType | None = column(
        "The newest believed point; null when there is none."
    )
    accepted_count: int = column("How many points were believed.")
    ignored: list[IgnoredPointType] = column("The points that were not believed, and why.")
    eta_seconds: int | None = column("Seconds to the door, with the bags on board.")
    delivery: Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None = (
        related(load_delivery.delivery_by_id, "The ride you are on.", by="delivery_id")
    )
    errors: list[RiderLocationReportBatchError] = column(ERRORS)
