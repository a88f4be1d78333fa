"""Root fields of deliveries and riders."""

import strawberry

from models.delivery import Delivery
from resolvers.delivery import deliveries as delivery_resolvers
from resolvers.delivery import riders as rider_resolvers
from resolvers.rules import (
    RIDER,
    RIDER_OR_STORE,
    RIDER_OR_STORE_OR_SUPPORT,
    RIDER_OR_SUPPORT,
    SIGNED_IN,
    STORE_OR_SUPPORT,
)
from schema.backing import field, mutation
from schema.delivery.deliveries import (
    DeliveryArriveAtCustomerPayload,
    DeliveryArriveAtStorePayload,
    DeliveryAttemptAgainPayload,
    DeliveryCheckAgePayload,
    DeliveryCompletePayload,
    DeliveryFailPayload,
    DeliveryOfferAcceptPayload,
    DeliveryOfferDeclinePayload,
    DeliveryPickUpPayload,
    DeliveryReassignPayload,
    DeliveryReturnPayload,
    DeliveryStartReturnPayload,
    DeliveryType,
    DeliveryUnassignPayload,
)
from schema.delivery.riders import (
    RiderGoOfflinePayload,
    RiderGoOnlinePayload,
    RiderLocationReportBatchPayload,
    RiderLocationReportPayload,
    RiderType,
)
from schema.fields import argument_key
from schema.pages import ConnectionType


@strawberry.type
class DeliveryQuery:
    delivery: DeliveryType | None = field(
        delivery_resolvers.delivery,
        "A ride: of your order, of yours, or of your store.",
        allow=SIGNED_IN,
        row_key=argument_key(Delivery),
    )
    store_deliveries: ConnectionType[DeliveryType] | None = field(
        delivery_resolvers.deliveries_of_store,
        "The deliveries of a store that have not ended, the oldest first; those that need somebody "
        "are RETURNING, or have `needsRiderSince`.",
        allow=STORE_OR_SUPPORT,
    )


@strawberry.type
class DeliveryMutation:
    delivery_offer_accept: DeliveryOfferAcceptPayload | None = mutation(
        delivery_resolvers.accept_offer,
        "Take the ride that is offered to you, within 20 seconds.",
        allow=RIDER,
    )
    delivery_offer_decline: DeliveryOfferDeclinePayload | None = mutation(
        delivery_resolvers.decline_offer,
        "Don't take it: the next rider is asked at once.",
        allow=RIDER,
    )
    delivery_arrive_at_store: DeliveryArriveAtStorePayload | None = mutation(
        delivery_resolvers.arrive_at_store, "Say that you stand in the store.", allow=RIDER
    )
    delivery_pick_up: DeliveryPickUpPayload | None = mutation(
        delivery_resolvers.pick_up,
        "Take the staged bags, by the store's handover code; five wrong ones, then its staff must.",
        allow=RIDER_OR_STORE,
    )
    delivery_arrive_at_customer: DeliveryArriveAtCustomerPayload | None = mutation(
        delivery_resolvers.arrive_at_customer, "Say that you stand at the door.", allow=RIDER
    )
    delivery_complete: DeliveryCompletePayload | None = mutation(
        delivery_resolvers.complete,
        "Hand the bags over, by the customer's PIN; five wrong ones, then support must. Support "
        "can say so, with a reason, while the bags are on the way; store staff on their way back.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_check_age: DeliveryCheckAgePayload | None = mutation(
        delivery_resolvers.check_age,
        "Record what the customer showed as a proof of age, for bags with `minimumAge`: without a"
        " check that was passed they are not handed over.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_fail: DeliveryFailPayload | None = mutation(
        delivery_resolvers.fail_attempt,
        "Nobody takes the bags: try once more, or bring them back. The reason decides what must be "
        "proved, how long to wait, and who pays the delivery fee (see FailReason). "
        "Support can say so, with a reason, from the pickup on.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_attempt_again: DeliveryAttemptAgainPayload | None = mutation(
        delivery_resolvers.attempt_again,
        "After a failed attempt: go to the door once more.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_start_return: DeliveryStartReturnPayload | None = mutation(
        delivery_resolvers.start_return,
        "After a failed attempt: bring the bags back to the store.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_return: DeliveryReturnPayload | None = mutation(
        delivery_resolvers.complete_return,
        "The bags are back: the order is canceled, goods and tip are refunded, and the store "
        "counts what came back. Riders stand in the store and give its return code; store staff "
        "say so themselves; support gives a reason.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_reassign: DeliveryReassignPayload | None = mutation(
        delivery_resolvers.reassign,
        "Give a delivery whose bags are on the way to another rider. For support; store staff can "
        "do so on the way back.",
        allow=STORE_OR_SUPPORT,
    )
    delivery_unassign: DeliveryUnassignPayload | None = mutation(
        delivery_resolvers.unassign,
        "Take a ride from its rider before pick-up and ask others.",
        allow=STORE_OR_SUPPORT,
    )


@strawberry.type
class RiderQuery:
    riders: ConnectionType[RiderType] | None = field(
        rider_resolvers.riders_of_company, "The riders of your company.", allow=STORE_OR_SUPPORT
    )


@strawberry.type
class RiderMutation:
    rider_go_online: RiderGoOnlinePayload | None = mutation(
        rider_resolvers.go_online,
        "Begin your shift: from your first report on you are asked.",
        allow=RIDER,
    )
    rider_go_offline: RiderGoOfflinePayload | None = mutation(
        rider_resolvers.go_offline, "End your shift; not while you are on a ride.", allow=RIDER
    )
    rider_location_report: RiderLocationReportPayload | None = mutation(
        rider_resolvers.report_location,
        "Say where you are; it may take your ride a step further. The latest report wins, so an "
        "idempotency key changes nothing here and is not kept.",
        allow=RIDER,
    )
    rider_location_report_batch: RiderLocationReportBatchPayload | None = mutation(
        rider_resolvers.report_locations,
        "Say where you were while you were offline: the newest point is where you are, all that "
        "are believed belong to the track of your ride. Points that are known already are ignored, "
        "so an idempotency key changes nothing here and is not kept.",
        allow=RIDER,
    )
