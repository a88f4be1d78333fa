"""Root fields of rides."""

import strawberry

import models
from resolvers import delivery as resolve
from resolvers.rules import (
    RIDER,
    RIDER_OR_STORE,
    RIDER_OR_SUPPORT,
    SIGNED_IN,
    STORE_OR_SUPPORT,
)
from schema.backing import field, mutation
from schema.delivery import (
    Delivery,
    DeliveryArriveAtCustomerPayload,
    DeliveryArriveAtStorePayload,
    DeliveryCompletePayload,
    DeliveryFailPayload,
    DeliveryOfferAcceptPayload,
    DeliveryOfferDeclinePayload,
    DeliveryPickUpPayload,
    DeliveryReturnPayload,
    DeliveryUnassignPayload,
)
from schema.fields import named


@strawberry.type
class Query:
    delivery: Delivery | None = field(
        resolve.one,
        "A ride: of your order, of yours, or of your store.",
        allow=SIGNED_IN,
        foresees=named(models.Delivery),
    )


@strawberry.type
class Mutation:
    delivery_offer_accept: DeliveryOfferAcceptPayload = mutation(
        resolve.accept, "Take the ride that is offered to you, within 20 seconds.", allow=RIDER
    )
    delivery_offer_decline: DeliveryOfferDeclinePayload = mutation(
        resolve.decline, "Don't take it: the next rider is asked at once.", allow=RIDER
    )
    delivery_arrive_at_store: DeliveryArriveAtStorePayload = mutation(
        resolve.arrive_at_store, "Say that you stand in the store.", allow=RIDER
    )
    delivery_pick_up: DeliveryPickUpPayload = mutation(
        resolve.pick_up,
        "Take the packed bags, by the store's handover code; five wrong ones, then its staff must.",
        allow=RIDER_OR_STORE,
    )
    delivery_arrive_at_customer: DeliveryArriveAtCustomerPayload = mutation(
        resolve.arrive_at_customer, "Say that you stand at the door.", allow=RIDER
    )
    delivery_complete: DeliveryCompletePayload = mutation(
        resolve.complete,
        "Hand the bags over, by the customer's PIN; five wrong ones, then support must.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_fail: DeliveryFailPayload = mutation(
        resolve.fail,
        "Nobody takes the bags: bring them back. NOBODY_HOME only after five minutes at the door.",
        allow=RIDER_OR_SUPPORT,
    )
    delivery_return: DeliveryReturnPayload = mutation(
        resolve.give_back,
        "The bags are back: units to the shelf, order canceled, goods and tip refunded. The"
        " delivery fee is kept when it failed at the customer's end.",
        allow=RIDER_OR_STORE,
    )
    delivery_unassign: DeliveryUnassignPayload = mutation(
        resolve.unassign,
        "Take a ride from its rider before pick-up and ask others.",
        allow=STORE_OR_SUPPORT,
    )
