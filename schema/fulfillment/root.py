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
    FulfillmentSubstituteProposePayload,
    OrderSubstituteAnswerPayload,
)
from schema.pages import ConnectionType


@strawberry.type
class FulfillmentQuery:
    store_queue: ConnectionType[FulfillmentType] | None = field(
        fulfillment_resolvers.store_queue, "What your store has to do, oldest first.", allow=STORE
    )
    fulfillment: FulfillmentType | None = field(
        fulfillment_resolvers.fulfillment,
        "One task of your store.",
        allow=STORE_OR_SUPPORT,
        row_key=argument_key(Fulfillment),
    )
    store_put_backs: ConnectionType[FulfillmentType] | None = field(
        put_back_resolvers.store_put_backs,
        "Ended tasks of your store whose picked units wait to be put back, oldest first.",
        allow=STORE,
    )


@strawberry.type
class FulfillmentMutation:
    fulfillment_accept: FulfillmentAcceptPayload | None = mutation(
        fulfillment_resolvers.accept, "Take an order on, within 45 seconds.", allow=STORE
    )
    fulfillment_reject: FulfillmentRejectPayload | None = mutation(
        fulfillment_resolvers.reject,
        "Turn an order down: it goes to the next store that has it all, or is canceled.",
        allow=STORE,
    )
    fulfillment_line_pick: FulfillmentLinePickPayload | None = mutation(
        fulfillment_resolvers.pick_line, "Say what you found of one line.", allow=STORE
    )
    fulfillment_pack: FulfillmentPackPayload | None = mutation(
        fulfillment_resolvers.pack, "Close the bags: what is in them is charged.", allow=STORE
    )
    fulfillment_stage: FulfillmentStagePayload | None = mutation(
        fulfillment_resolvers.stage, "Say that the bags stand where riders fetch them.", allow=STORE
    )
    fulfillment_check_age: FulfillmentCheckAgePayload | None = mutation(
        fulfillment_resolvers.check_age,
        "Record what the customer who collects an order showed as a proof of age.",
        allow=STORE,
    )
    fulfillment_collect: FulfillmentCollectPayload | None = mutation(
        fulfillment_resolvers.collect,
        "Hand the bags to the customer who tells the code of the order.",
        allow=STORE,
    )
    fulfillment_give_back: FulfillmentGiveBackPayload | None = mutation(
        fulfillment_resolvers.return_to_queue,
        "Return a task to the queue; what was picked stays recorded for the next picker.",
        allow=STORE,
    )
    fulfillment_put_back: FulfillmentPutBackPayload | None = mutation(
        put_back_resolvers.confirm,
        "Record where the picked units of an ended task went; the stock changes accordingly.",
        allow=STORE,
    )


@strawberry.type
class SubstituteMutation:
    fulfillment_substitute_propose: FulfillmentSubstituteProposePayload | None = mutation(
        substitute_resolvers.propose,
        "Propose another product for what is missing of a line.",
        allow=STORE,
    )
    order_substitute_answer: OrderSubstituteAnswerPayload | None = mutation(
        substitute_resolvers.answer,
        "Take or decline what the store proposes, within a minute.",
        allow=CUSTOMER,
    )
