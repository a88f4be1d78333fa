from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load
from dataloaders import delivery as load_delivery
from dataloaders import stores as load_stores
from models.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryOffer,
    DeliveryOverrideReason,
    DeliveryProof,
    DeliveryStatus,
    FailReason,
    OfferAction,
    OfferStatus,
)
from models.orders import AgeCheckResult
from resolvers.delivery import deliveries as resolve
from resolvers.rules import STORE, STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.delivery.riders import RiderPositionType, RiderType
from schema.delivery.tracks import DeliveryTrackType
from schema.fields import id_field, private_field
from schema.geo_points import GeoPointType
from schema.nodes import NodeType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType, ProblemType
from services.delivery import delivery_codes, failed_attempts, rider_distance
from services.delivery.delivery_states import can_see_address

if TYPE_CHECKING:
    from schema.stores.stores import StoreType


OVER = "null for a rider whose ride is over, and for the store's staff a day later"


@backed_by(DeliveryOffer, "A delivery offered to one rider for 20 seconds, and why.")
class DeliveryOfferType(NodeType):
    id: strawberry.ID = id_field(DeliveryOffer)
    status: OfferStatus = column("The rider's answer.")
    available_actions: list[OfferAction] = field(
        resolve.available_offer_actions, "What you can answer: nothing unless it is yours and open."
    )
    round: int = column("In which round of asking: each rider is asked once a round.")
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "Where to fetch the bags.", by="store_id"
    )
    distance_m: int = column("From the rider to the store in a straight line, in metres.")
    eta_seconds: int = column("How long the rider's vehicle takes to the store.")
    ride_m: int = column("From the store to the customer in a straight line, in metres.")
    rider: RiderType | None = related(
        load_delivery.rider_by_id, "Who was asked.", by="rider_id", allow=STORE_OR_SUPPORT
    )
    delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = related(
        load.delivery_by_id, "The delivery; null for you as long as it isn't yours.",
        by="delivery_id",
    )  # fmt: skip
    offered_at: datetime = column("When the rider was asked.")
    expires_at: datetime = column("Until when it can be answered.")
    answered_at: datetime | None = column("When it ended, by an answer or without one.")


@backed_by(Delivery, "The ride of one order. What a rider has to know stands here.")
class DeliveryType(NodeType):
    id: strawberry.ID = id_field(Delivery)
    status: DeliveryStatus = column("Where the ride stands.")
    available_actions: list[DeliveryAction] = field(
        resolve.available_actions, "The steps that you can take now."
    )
    version: int = column("Grows with each change.")
    order_code: str = column("The short code of the order, as on its bags.")
    customer_name: str | None = private_field(
        "customer_name", f"The first name of whom it is for; {OVER}.", can_see_address
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "Where the bags are fetched.", by="store_id"
    )
    minimum_age: int | None = column(
        "The age that is checked before the bags are handed over; null where nothing is checked."
    )
    age_result: AgeCheckResult | None = column("The result of the last check of the age.")
    drop_point: GeoPointType | None = private_field(
        "drop_point", f"Where they go; {OVER}.", can_see_address
    )
    address_line: str | None = private_field(
        "address_line", f"Street, house and floor; {OVER}.", can_see_address
    )
    drop_note: str | None = private_field(
        "drop_note", f"What to know at the door; {OVER}.", can_see_address
    )
    distance_m: int = column("From the store to the customer in a straight line, in metres.")
    bags: int = column("How many bags; 0 while nobody has counted them at the store.")
    rider_name: str = column("The rider's first name; empty while there is none.")
    rider: RiderType | None = related(
        load_delivery.rider_by_id, "Who rides: for themselves and their company.", by="rider_id"
    )
    rider_position: RiderPositionType | None = related(
        load_delivery.position_by_rider,
        "Where the rider was last seen; null once the ride is over.",
        by="live_rider_id",
        prefetch_with={load.delivery_by_order: load_delivery.position_by_order},
    )
    round: int | None = column("In which round of asking riders it is.", allow=STORE_OR_SUPPORT)
    offers: list[DeliveryOfferType] | None = related(
        load.offers_by_delivery,
        "Who was asked, the last one first, at most 50; empty for the customer.",
        allow=STORE_OR_SUPPORT,
        cost=5,
    )
    track: DeliveryTrackType | None = related(
        load_delivery.track_by_delivery,
        "The way that the rider took; null for the customer, and once it is forgotten.",
        allow=STORE_OR_SUPPORT,
        cost=10,
    )
    fail_reason: FailReason | None = column("Why nobody took the bags, if so.")
    failed_attempts: int = column("How many attempts to hand over the bags failed.")
    fee_kept: bool = column("Whether the customer pays the delivery fee of the failed delivery.")
    return_code: str | None = field(
        resolve.return_code,
        "The code that the store tells the rider who brings the bags back; null for others, and "
        "while the delivery is not RETURNING.",
        allow=STORE,
    )
    override_reason: DeliveryOverrideReason | None = column(
        "Why store staff or support last took a step in place of the rider, if so.",
        allow=STORE_OR_SUPPORT,
    )
    override_note: str | None = column("Details of that reason.", allow=STORE_OR_SUPPORT)
    needs_rider_since: datetime | None = column(
        "Since when the bags are on their way without a rider of ours; support must act.",
        allow=STORE_OR_SUPPORT,
    )
    former_rider: RiderType | None = related(
        load_delivery.rider_by_id,
        "The rider who had the bags before, if the delivery was taken from one after pickup.",
        by="former_rider_id",
        allow=STORE_OR_SUPPORT,
    )
    created_at: datetime = column("When the search for a rider began.")
    assigned_at: datetime | None = column("When the rider took it.")
    picked_up_at: datetime | None = column("When the bags left the store.")
    delivered_at: datetime | None = column("When they were handed over at the door.")


@backed_by(delivery_codes.WrongDeliveryCode, "The code or PIN is another one.")
class WrongDeliveryCodeType(ProblemType):
    tries_left: int = column("How many more can be told; then store or support must take the step.")


@backed_by(failed_attempts.TooEarly, "The customer may still come to the door.")
class TooEarlyType(ProblemType):
    retry_after_seconds: int = column("Seconds until this reason can be given.")


@backed_by(rider_distance.TooFar, "The last position of the rider is not near the place.")
class TooFarType(ProblemType):
    distance_m: int = column("How far away the rider is, in metres.")
    radius_m: int = column("How far away the rider may be, in metres.")


@backed_by(rider_distance.ProofMissing, "The step needs a proof; without it, support must act.")
class ProofMissingType(ProblemType):
    missing: list[DeliveryProof] = column("The proofs that are missing.")


DeliveryOfferAcceptError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("DeliveryOfferAcceptError", description="Why the ride isn't yours."),
]
DeliveryOfferDeclineError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("DeliveryOfferDeclineError", description="Why the offer stays as it is."),
]
DeliveryStepError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("DeliveryStepError", description="Why the ride stays where it is."),
]
DeliveryArriveError = Annotated[
    NotFoundType | IllegalStepType | TooFarType,
    strawberry.union("DeliveryArriveError", description="Why the rider is not there."),
]
DeliveryCompleteError = Annotated[
    NotFoundType | IllegalStepType | InvalidInputType | WrongDeliveryCodeType | TooFarType,
    strawberry.union("DeliveryCompleteError", description="Why the bags are not handed over."),
]
DeliveryReturnError = Annotated[
    NotFoundType
    | IllegalStepType
    | InvalidInputType
    | WrongDeliveryCodeType
    | TooFarType
    | ProofMissingType,
    strawberry.union("DeliveryReturnError", description="Why the bags are not back."),
]
DeliveryOverrideError = Annotated[
    NotFoundType | IllegalStepType | InvalidInputType,
    strawberry.union("DeliveryOverrideError", description="Why the delivery stays as it is."),
]
DeliveryHandoverError = Annotated[
    NotFoundType | IllegalStepType | WrongDeliveryCodeType,
    strawberry.union("DeliveryHandoverError", description="Why the bags stay with whom they are."),
]
DeliveryFailError = Annotated[
    NotFoundType
    | IllegalStepType
    | InvalidInputType
    | TooEarlyType
    | TooFarType
    | ProofMissingType,
    strawberry.union("DeliveryFailError", description="Why the bags stay at the door."),
]
NOW = "The delivery as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.DeliveryOutcome, "What deliveryOfferAccept did.")
class DeliveryOfferAcceptPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOfferAcceptError] = column(ERRORS)


@backed_by(resolve.DeliveryOfferOutcome, "What deliveryOfferDecline did.")
class DeliveryOfferDeclinePayload:
    offer: DeliveryOfferType | None = column("The offer as it is now; null when nothing was done.")
    errors: list[DeliveryOfferDeclineError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryArriveAtStore did.")
class DeliveryArriveAtStorePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryArriveError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryPickUp did.")
class DeliveryPickUpPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryHandoverError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryArriveAtCustomer did.")
class DeliveryArriveAtCustomerPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryArriveError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryCheckAge did.")
class DeliveryCheckAgePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOverrideError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryComplete did.")
class DeliveryCompletePayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryCompleteError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryFail did.")
class DeliveryFailPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryFailError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryReturn did.")
class DeliveryReturnPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryReturnError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryAttemptAgain did.")
class DeliveryAttemptAgainPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOverrideError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryStartReturn did.")
class DeliveryStartReturnPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOverrideError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryReassign did.")
class DeliveryReassignPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryOverrideError] = column(ERRORS)


@backed_by(resolve.DeliveryOutcome, "What deliveryUnassign did.")
class DeliveryUnassignPayload:
    delivery: DeliveryType | None = column(NOW)
    errors: list[DeliveryStepError] = column(ERRORS)
