"""Root fields of deliveries and riders."""

import strawberry

from models.delivery import Delivery
from resolvers.delivery import deliveries as delivery_resolvers
from resolvers.delivery import riders as rider_resolvers
from resolvers.rules import (
    MANAGER_OR_SUPPORT,
    RIDER,
    RIDER_OR_STORE,
    RIDER_OR_STORE_OR_SUPPORT,
    RIDER_OR_SUPPORT,
    SIGNED_IN,
    STORE_OR_SUPPORT,
)
from schema.backing import field, mutation
from schema.delivery.deliveries import DeliveryType
from schema.delivery.delivery_steps import (
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
    DeliveryUnassignPayload,
)
from schema.delivery.riders import (
    RiderEndShiftPayload,
    RiderGoOfflinePayload,
    RiderGoOnlinePayload,
    RiderLocationReportPayload,
    RiderLocationsReportPayload,
    RiderType,
)
from schema.fields import argument_key
from schema.pages import ConnectionType


@strawberry.type
class DeliveryQuery:
    delivery: DeliveryType | None = field(
        delivery_resolvers.delivery,
        "A delivery by its id, for its parties.",
        allow=SIGNED_IN,
        row_key=argument_key(Delivery),
    )
    store_deliveries: ConnectionType[DeliveryType] | None = field(
        delivery_resolvers.deliveries_of_store,
        "The open deliveries of a store, oldest first. The store has to act on"
        " those that are RETURNING or have `needsRiderSince`.",
        allow=STORE_OR_SUPPORT,
    )


@strawberry.type
class DeliveryMutation:
    delivery_offer_accept: DeliveryOfferAcceptPayload | None = mutation(
        delivery_resolvers.accept_offer,
        "Accepts an offered delivery, before it expires.",
        allow=RIDER,
    )
    delivery_offer_decline: DeliveryOfferDeclinePayload | None = mutation(
        delivery_resolvers.decline_offer,
        "Declines an offered delivery; the next rider gets an offer at once.",
        allow=RIDER,
    )
    delivery_arrive_at_store: DeliveryArriveAtStorePayload | None = mutation(
        delivery_resolvers.arrive_at_store, "Reports the arrival at the store.", allow=RIDER
    )
    delivery_pick_up: DeliveryPickUpPayload | None = mutation(
        delivery_resolvers.pick_up,
        "Hands the staged bags to the rider, with the store's handover code. After"
        " five wrong codes only the store's staff can do it.",
        allow=RIDER_OR_STORE,
    )
    delivery_arrive_at_customer: DeliveryArriveAtCustomerPayload | None = mutation(
        delivery_resolvers.arrive_at_customer, "Reports the arrival at the customer.", allow=RIDER
    )
    delivery_complete: DeliveryCompletePayload | None = mutation(
        delivery_resolvers.complete,
        "Hands the bags to the customer, with the customer's PIN. After five wrong"
        " PINs only support can do it. Support can complete the delivery with a"
        " reason while the bags are on the way, store staff while they are on the"
        " way back.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_check_age: DeliveryCheckAgePayload | None = mutation(
        delivery_resolvers.check_age,
        "Records an age check, for bags with `minimumAge`: they are handed over"
        " only after a check that was passed.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_fail: DeliveryFailPayload | None = mutation(
        delivery_resolvers.fail_attempt,
        "Reports that the bags could not be handed over; another attempt or the"
        " return follows. The reason determines the required proofs, the waiting"
        " time, and who pays the delivery fee (see DeliveryFailureReason). Support can report"
        " it, with a reason, from the pickup on.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_attempt_again: DeliveryAttemptAgainPayload | None = mutation(
        delivery_resolvers.attempt_again,
        "Starts another attempt after a failed one.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_start_return: DeliveryStartReturnPayload | None = mutation(
        delivery_resolvers.start_return,
        "Starts the return of the bags after a failed attempt.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_return: DeliveryReturnPayload | None = mutation(
        delivery_resolvers.complete_return,
        "Completes the return: the order is canceled, goods and tip are refunded,"
        " and the store counts the returned units. Riders must be at the store and"
        " give its return code; store staff need no code; support gives a reason.",
        allow=RIDER_OR_STORE_OR_SUPPORT,
    )
    delivery_reassign: DeliveryReassignPayload | None = mutation(
        delivery_resolvers.reassign,
        "Gives a delivery whose bags are on the way to another rider. For support;"
        " on the way back also for store staff.",
        allow=STORE_OR_SUPPORT,
    )
    delivery_unassign: DeliveryUnassignPayload | None = mutation(
        delivery_resolvers.unassign,
        "Takes a delivery from its rider before the pickup and offers it to others.",
        allow=STORE_OR_SUPPORT,
    )


@strawberry.type
class RiderQuery:
    riders: ConnectionType[RiderType] | None = field(
        rider_resolvers.riders_of_company, "The riders of a company.", allow=STORE_OR_SUPPORT
    )


@strawberry.type
class RiderMutation:
    rider_go_online: RiderGoOnlinePayload | None = mutation(
        rider_resolvers.go_online,
        "Starts the rider's shift; offers follow after the first position report.",
        allow=RIDER,
    )
    rider_go_offline: RiderGoOfflinePayload | None = mutation(
        rider_resolvers.go_offline,
        "Ends the rider's shift; not possible during a delivery.",
        allow=RIDER,
    )
    rider_end_shift: RiderEndShiftPayload | None = mutation(
        rider_resolvers.end_shift,
        "Ends the shift of a rider who has left without ending it; not possible during a"
        " delivery. The rider gets SHIFT_CHANGED in `deliveryOffered`. Half an hour without a"
        " position and without a delivery ends a shift too.",
        allow=MANAGER_OR_SUPPORT,
    )
    rider_location_report: RiderLocationReportPayload | None = mutation(
        rider_resolvers.report_location,
        "Reports the rider's position, which may move the delivery to its next"
        " state. The newest report counts, so an idempotency key has no effect.",
        allow=RIDER,
    )
    rider_locations_report: RiderLocationsReportPayload | None = mutation(
        rider_resolvers.report_locations,
        "Reports positions that were recorded without a network. The newest point"
        " is the present position; all plausible points are added to the track of"
        " the delivery. Known points are ignored, so an idempotency key has no"
        " effect.",
        allow=RIDER,
    )
