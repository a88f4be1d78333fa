"""Root fields of stock alerts."""

import strawberry

from resolvers import alert as resolve
from resolvers.rules import MANAGER, STORE
from schema.alert import (
    AlertAcknowledgePayload,
    AlertSnoozePayload,
    StockAlert,
    StockReorderPointSetPayload,
)
from schema.backing import field, mutation
from schema.page import Connection


@strawberry.type
class Query:
    stock_alerts: Connection[StockAlert] | None = field(
        resolve.listed, "What should be seen to, the most urgent first.", allow=STORE
    )


@strawberry.type
class Mutation:
    alert_acknowledge: AlertAcknowledgePayload = mutation(
        resolve.acknowledge, "Say that you see to an alert.", allow=STORE
    )
    alert_snooze: AlertSnoozePayload = mutation(
        resolve.snooze, "Put an alert off: it opens again by itself.", allow=STORE
    )
    stock_reorder_point_set: StockReorderPointSetPayload = mutation(
        resolve.set_reorder_point, "Say from how few units on a product is low.", allow=MANAGER
    )
