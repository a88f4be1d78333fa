"""Root fields of what stores should order."""

import strawberry

from resolvers import reorder as resolve
from resolvers.rules import MANAGER
from schema.backing import field, mutation
from schema.page import Connection
from schema.reorder import (
    PurchaseOrderCreateFromProposalsPayload,
    ReorderProposal,
    ReorderRefreshPayload,
)


@strawberry.type
class Query:
    reorder_proposals: Connection[ReorderProposal] | None = field(
        resolve.proposals,
        "What your store should order, what lasts the shortest first.",
        allow=MANAGER,
    )


@strawberry.type
class Mutation:
    reorder_refresh: ReorderRefreshPayload = mutation(
        resolve.refresh, "Work out anew what your store should order.", allow=MANAGER
    )
    purchase_order_create_from_proposals: PurchaseOrderCreateFromProposalsPayload = mutation(
        resolve.order, "Draft an order out of what is proposed.", allow=MANAGER
    )
