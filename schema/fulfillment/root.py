"""Root fields of fulfillments and substitutions."""

import strawberry

from models.fulfillment import Fulfillment
from resolvers.fulfillment import fulfillments as fulfillment_resolvers
from resolvers.fulfillment import put_backs as put_back_resolvers
from resolvers.fulfillment import substitutions as substitute_resolvers
from resolvers.rules import CUSTOMER, STORE, STORE_OR_SUPPORT
from schema.backing import field, mutation
from schema.fields import argument_key
from schema.fulfillment.fulfillments import (
    FulfillmentAcceptPayload,
    FulfillmentLinePickPayload,
    FulfillmentPackPayload,
    FulfillmentRejectPayload,
    FulfillmentStagePayload,
    FulfillmentType,
)
from schema.fulfillment.pickups import FulfillmentCheckAgePayload, FulfillmentCollectPayload
from schema.fulfillment.put_backs import FulfillmentGiveBackPayload, FulfillmentPutBackPayload
from schema.fulfillment.substitutions import (
    OrderSubstituteAnswerPayload,
    SubstitutionProposePayload,
)
from schema.pages import ConnectionType


@strawberry.type
class FulfillmentQuery:
    store_queue: ConnectionType[FulfillmentType] | None = field(
        fulfillment_resolvers.store_queue, "The open tasks of a store, oldest first.", allow=STORE
    )
    fulfillment: FulfillmentType | None = field(
        fulfillment_resolvers.fulfillment,
        "A task of a store by its id.",
        allow=STORE_OR_SUPPORT,
        row_key=argument_key(Fulfillment),
    )
    store_put_backs: ConnectionType[FulfillmentType] | None = field(
        put_back_resolvers.store_put_backs,
        "Ended tasks of a store whose picked units wait to be put back, oldest first.",
        allow=STORE,
    )


@strawberry.type
class FulfillmentMutation:
    fulfillment_accept: FulfillmentAcceptPayload | None = mutation(
        fulfillment_resolvers.accept,
        "Accepts an order, before it moves to another store.",
        allow=STORE,
    )
    fulfillment_reject: FulfillmentRejectPayload | None = mutation(
        fulfillment_resolvers.reject,
        "Rejects an order, which moves to the next store that has all of it, or is canceled.",
        allow=STORE,
    )
    fulfillment_line_pick: FulfillmentLinePickPayload | None = mutation(
        fulfillment_resolvers.pick_line, "Records the units found of one line.", allow=STORE
    )
    fulfillment_pack: FulfillmentPackPayload | None = mutation(
        fulfillment_resolvers.pack,
        "Packs the order; the contents of the bags are charged.",
        allow=STORE,
    )
    fulfillment_stage: FulfillmentStagePayload | None = mutation(
        fulfillment_resolvers.stage, "Records that the bags are at the handover point.", allow=STORE
    )
    fulfillment_check_age: FulfillmentCheckAgePayload | None = mutation(
        fulfillment_resolvers.check_age,
        "Records an age check of a customer who collects an order.",
        allow=STORE,
    )
    fulfillment_collect: FulfillmentCollectPayload | None = mutation(
        fulfillment_resolvers.collect,
        "Hand the bags to the customer who gives the code of the order.",
        allow=STORE,
    )
    fulfillment_give_back: FulfillmentGiveBackPayload | None = mutation(
        fulfillment_resolvers.return_to_queue,
        "Returns a task to the queue; picked units stay recorded for the next picker.",
        allow=STORE,
    )
    fulfillment_put_back: FulfillmentPutBackPayload | None = mutation(
        put_back_resolvers.confirm,
        "Records where the picked units of an ended task went; the stock changes accordingly.",
        allow=STORE,
    )


@strawberry.type
class SubstituteMutation:
    substitution_propose: SubstitutionProposePayload | None = mutation(
        substitute_resolvers.propose,
        "Proposes a substitute for the missing units of a line.",
        allow=STORE,
    )
    order_substitute_answer: OrderSubstituteAnswerPayload | None = mutation(
        substitute_resolvers.answer,
        "Accepts or declines a proposed substitute, within a minute.",
        allow=CUSTOMER,
    )
