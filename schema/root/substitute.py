"""Root fields of products for others that are not there."""

import strawberry

from resolvers import substitute as resolve
from resolvers.rules import CUSTOMER, STORE
from schema.backing import mutation
from schema.substitute import FulfillmentSubstituteProposePayload, OrderSubstituteAnswerPayload


@strawberry.type
class Mutation:
    fulfillment_substitute_propose: FulfillmentSubstituteProposePayload = mutation(
        resolve.propose, "Propose another product for what is missing of a line.", allow=STORE
    )
    order_substitute_answer: OrderSubstituteAnswerPayload = mutation(
        resolve.answer, "Take or decline what the store proposes, within a minute.", allow=CUSTOMER
    )
