"""Root fields of stock alerts."""

import strawberry

from resolvers.alerts import stock_alerts as alert_resolvers
from resolvers.rules import MANAGER, STORE
from schema.alerts.stock_alerts import (
    StockAlertAcknowledgePayload,
    StockAlertSnoozePayload,
    StockAlertType,
    StockReorderPointSetPayload,
)
from schema.backing import field, mutation
from schema.pages import ConnectionType


@strawberry.type
class AlertQuery:
    stock_alerts: ConnectionType[StockAlertType] | None = field(
        alert_resolvers.list_alerts, "Stock alerts, most urgent first.", allow=STORE
    )


@strawberry.type
class AlertMutation:
    stock_alert_acknowledge: StockAlertAcknowledgePayload | None = mutation(
        alert_resolvers.acknowledge, "Acknowledges a stock alert.", allow=STORE
    )
    stock_alert_snooze: StockAlertSnoozePayload | None = mutation(
        alert_resolvers.snooze,
        "Snoozes a stock alert, which reopens at the given time.",
        allow=STORE,
    )
    stock_reorder_point_set: StockReorderPointSetPayload | None = mutation(
        alert_resolvers.set_reorder_point,
        "Sets the reorder point of a product or of a store.",
        allow=MANAGER,
    )
