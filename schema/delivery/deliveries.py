from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import delivery as load
from dataloaders import delivery as load_delivery
from dataloaders import stores as load_stores
from models.delivery import (
    Delivery,
    DeliveryAction,
    DeliveryFailureReason,
    DeliveryOffer,
    DeliveryOfferAction,
    DeliveryOfferStatus,
    DeliveryOverrideReason,
    DeliveryStatus,
)
from models.orders import AgeCheckResult
from resolvers.delivery import deliveries as resolve
from resolvers.rules import STORE, STORE_OR_SUPPORT
from schema.backing import backed_by, column, field, related
from schema.delivery.riders import RiderLocationType, RiderType
from schema.delivery.tracks import DeliveryTrackType
from schema.fields import id_field, private_field
from schema.geo_points import GeoPointType
from schema.nodes import NodeType
from services.delivery.delivery_parties import can_see_address

if TYPE_CHECKING:
    from schema.stores.stores import StoreType


OVER = "null for the rider after the delivery, and for the store's staff a day after it"


@backed_by(DeliveryOffer, "The offer of a delivery to one rider, valid until `expiresAt`.")
class DeliveryOfferType(NodeType):
    id: strawberry.ID = id_field(DeliveryOffer)
    status: DeliveryOfferStatus = column("Its status.")
    available_actions: list[DeliveryOfferAction] = field(
        resolve.available_offer_actions,
        "The answers that the caller can give: none unless the offer is theirs, open and in time.",
    )
    dispatch_round: int = column(
        "Number of the round; each rider gets at most one offer per round."
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store where the rider picks up the bags.", by="store_id"
    )
    pickup_distance_meters: int = column(
        "Straight-line distance from the rider to the store, in metres."
    )
    pickup_eta_seconds: int = column("Estimated seconds to the store with the rider's vehicle.")
    dropoff_distance_meters: int = column(
        "Straight-line distance from the store to the customer, in metres."
    )
    rider: RiderType | None = related(
        load_delivery.rider_by_id,
        "The rider who got the offer.",
        by="rider_id",
        allow=STORE_OR_SUPPORT,
    )
    delivery: (
        Annotated["DeliveryType", strawberry.lazy("schema.delivery.deliveries")] | None
    ) = related(
        load.delivery_by_id, "The delivery; null for a rider to whom it is not assigned.",
        by="delivery_id",
    )  # fmt: skip
    offered_at: datetime = column("Time when the offer was made.")
    expires_at: datetime = column("Time when it expires.")
    answered_at: datetime | None = column("Time when it was answered, expired or was withdrawn.")


@backed_by(Delivery, "The delivery of one order, with what the rider needs to know.")
class DeliveryType(NodeType):
    id: strawberry.ID = id_field(Delivery)
    status: DeliveryStatus = column("Its status.")
    available_actions: list[DeliveryAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    version: int = column("Increases with each change.")
    order_code: str = column("The short code of the order, printed on its bags.")
    customer_name: str | None = private_field(
        "customer_name", f"First name of the customer; {OVER}.", can_see_address
    )
    store: Annotated["StoreType", strawberry.lazy("schema.stores.stores")] | None = related(
        load_stores.store_by_id, "The store where the rider picks up the bags.", by="store_id"
    )
    minimum_age: int | None = column(
        "Minimum age that is checked before the handover; null if none is."
    )
    age_check_result: AgeCheckResult | None = column("Result of the last age check.")
    dropoff_location: GeoPointType | None = private_field(
        "dropoff_location", f"Delivery location; {OVER}.", can_see_address
    )
    address_line: str | None = private_field(
        "address_line", f"Street, house and floor; {OVER}.", can_see_address
    )
    delivery_instructions: str | None = private_field(
        "delivery_instructions", f"Note for the rider; {OVER}.", can_see_address
    )
    dropoff_distance_meters: int = column(
        "Straight-line distance from the store to the customer, in metres."
    )
    bag_count: int = column("Number of bags; 0 until the store has packed them.")
    rider_name: str = column("The rider's first name; empty without a rider.")
    rider: RiderType | None = related(
        load_delivery.rider_by_id,
        "The rider; visible to the rider and their company.",
        by="rider_id",
    )
    rider_location: RiderLocationType | None = related(
        load_delivery.position_by_rider,
        "The rider's last position; null after the delivery has ended.",
        by="live_rider_id",
        prefetch_with={load.delivery_by_order: load_delivery.position_by_order},
    )
    dispatch_round: int | None = column(
        "Number of the current round of offers to riders.", allow=STORE_OR_SUPPORT
    )
    offers: list[DeliveryOfferType] | None = related(
        load.offers_by_delivery,
        "Offers to riders, newest first, at most 50; empty for the customer.",
        allow=STORE_OR_SUPPORT,
        cost=5,
    )
    track: DeliveryTrackType | None = related(
        load_delivery.track_by_delivery,
        "The rider's track; null for the customer, and after it was deleted.",
        allow=STORE_OR_SUPPORT,
        cost=10,
    )
    failure_reason: DeliveryFailureReason | None = column("Reason of the last failed attempt.")
    failure_note: str | None = column(
        "What happened at the last failed attempt, as it was reported.", allow=STORE_OR_SUPPORT
    )
    failed_attempt_count: int = column("Number of failed attempts to hand over the bags.")
    fee_kept: bool = column(
        "Whether the customer pays the delivery fee although the delivery failed."
    )
    return_code: str | None = field(
        resolve.return_code,
        "Code that the store gives to the rider who returns the bags; null for"
        " others, for riders of the company, and unless the delivery is RETURNING.",
        allow=STORE,
    )
    override_reason: DeliveryOverrideReason | None = column(
        "Why store staff or support last took a step in place of the rider.",
        allow=STORE_OR_SUPPORT,
    )
    override_note: str | None = column("Details of that reason.", allow=STORE_OR_SUPPORT)
    needs_rider_since: datetime | None = column(
        "Since when the bags are on the way without an assigned rider; support must act.",
        allow=STORE_OR_SUPPORT,
    )
    former_rider: RiderType | None = related(
        load_delivery.rider_by_id,
        "The rider who had the bags before, if the delivery was taken from one after pickup.",
        by="former_rider_id",
        allow=STORE_OR_SUPPORT,
    )
    created_at: datetime = column("Time when the search for a rider started.")
    assigned_at: datetime | None = column("Time when the rider accepted it.")
    picked_up_at: datetime | None = column("Time of the pickup at the store.")
    delivered_at: datetime | None = column("Time of the handover to the customer.")
