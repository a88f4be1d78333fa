"""Root fields of the store's queue."""

import strawberry

import models
from resolvers import fulfillment as resolve
from resolvers.rules import STORE, STORE_OR_SUPPORT
from schema.backing import field, mutation
from schema.fields import named
from schema.fulfillment import (
    Fulfillment,
    FulfillmentAcceptPayload,
    FulfillmentLinePickPayload,
    FulfillmentPackPayload,
    FulfillmentRejectPayload,
    FulfillmentStagePayload,
)
from schema.page import Connection


@strawberry.type
class Query:
    store_queue: Connection[Fulfillment] | None = field(
        resolve.queue, "What your store has to do, oldest first.", allow=STORE
    )
    fulfillment: Fulfillment | None = field(
        resolve.one,
        "One task of your store.",
        allow=STORE_OR_SUPPORT,
        foresees=named(models.Fulfillment),
    )


@strawberry.type
class Mutation:
    fulfillment_accept: FulfillmentAcceptPayload = mutation(
        resolve.accept, "Take an order on, within 45 seconds.", allow=STORE
    )
    fulfillment_reject: FulfillmentRejectPayload = mutation(
        resolve.reject,
        "Turn an order down: it goes to the next store that has it all, or is canceled.",
        allow=STORE,
    )
    fulfillment_line_pick: FulfillmentLinePickPayload = mutation(
        resolve.pick_line, "Say what you found of one line.", allow=STORE
    )
    fulfillment_pack: FulfillmentPackPayload = mutation(
        resolve.pack, "Close the bags: what is in them is charged.", allow=STORE
    )
    fulfillment_stage: FulfillmentStagePayload = mutation(
        resolve.stage, "Say that the bags stand where riders fetch them.", allow=STORE
    )
