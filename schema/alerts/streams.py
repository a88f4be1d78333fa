"""The stream of stock alerts: its messages and its root field."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import alerts as load
from models.events import StreamMessageKind
from resolvers.rules import STORE
from schema.backing import backed_by, column, related, stream
from schema.stream_messages import CURSOR, KIND, OCCURRED_AT
from subscriptions import alerts

if TYPE_CHECKING:
    from schema.alerts.stock_alerts import StockAlertType


@backed_by(alerts.StockAlertChanged, "A message about the stock alerts of the caller's stores.")
class StockAlertChangedType:
    kind: StreamMessageKind = column(KIND)
    cursor: str = column(CURSOR)
    type: str | None = column(
        "STOCK_ALERT_RAISED, STOCK_ALERT_ACKNOWLEDGED, STOCK_ALERT_SNOOZED, STOCK_ALERT_WOKEN or"
        " STOCK_ALERT_RESOLVED; null unless it is an EVENT."
    )
    at: datetime | None = column(OCCURRED_AT)
    stock_alert: (
        Annotated["StockAlertType", strawberry.lazy("schema.alerts.stock_alerts")] | None
    ) = related(load.alert_by_id, "The current state of the alert.", by="alert_id")
    stock_alerts: (
        list[Annotated["StockAlertType", strawberry.lazy("schema.alerts.stock_alerts")]] | None
    ) = column("The live alerts, the most urgent first, at most 100; null unless it is a snapshot.")


@strawberry.type
class AlertSubscription:
    stock_alert_changed: AsyncIterator[StockAlertChangedType] = stream(
        alerts.watch_stock_alerts,
        "Streams the changes of the stock alerts of stores.",
        allow=STORE,
    )
