"""Root fields of stock alerts."""

import strawberry

from resolvers.alerts import stock_alerts as alert_resolvers
from resolvers.rules import MANAGER, STORE
from schema.alerts.stock_alerts import (
    AlertAcknowledgePayload,
    AlertSnoozePayload,
    StockAlertType,
    StockReorderPointSetPayload,
)
from schema.backing import field, mutation
from schema.pages import ConnectionType


@strawberry.type
class AlertQuery:
    stock_alerts: ConnectionType[StockAlertType] | None = field(
        alert_resolvers.list_alerts, "What should be seen to, the most urgent first.", allow=STORE
    )


@strawberry.type
class AlertMutation:
    alert_acknowledge: AlertAcknowledgePayload | None = mutation(
        alert_resolvers.acknowledge, "Say that you see to an alert.", allow=STORE
    )
    alert_snooze: AlertSnoozePayload | None = mutation(
        alert_resolvers.snooze, "Put an alert off: it opens again by itself.", allow=STORE
    )
    stock_reorder_point_set: StockReorderPointSetPayload | None = mutation(
        alert_resolvers.set_reorder_point,
        "Say from how few units on a product is low.",
        allow=MANAGER,
    )
