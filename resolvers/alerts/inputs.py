"""Inputs of stock alert mutations."""

from datetime import datetime

import strawberry

ALERT = "The alert."


@strawberry.input(description="Input of `stockAlertAcknowledge`.")
class StockAlertAcknowledgeInput:
    stock_alert_id: strawberry.ID = strawberry.field(description=ALERT)


@strawberry.input(description="Input of `stockAlertSnooze`.")
class StockAlertSnoozeInput:
    stock_alert_id: strawberry.ID = strawberry.field(description=ALERT)
    until: datetime = strawberry.field(description="End of the snooze, at most 30 days ahead.")


@strawberry.input(description="Input of `stockReorderPointSet`.")
class StockReorderPointSetInput:
    store_id: strawberry.ID = strawberry.field(description="A store that the caller manages.")
    product_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="A product that the store lists; if left out, all products without a"
        " reorder point of their own.",
    )
    units: int | None = strawberry.field(
        default=None,
        description="Units, from 0; if left out, the product uses the reorder point of the"
        " store again.",
    )
