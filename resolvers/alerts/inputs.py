"""Inputs of stock alert mutations."""

from datetime import datetime

import strawberry

ALERT = "The alert."


@strawberry.input(description="An alert that you see to.")
class AlertAcknowledgeInput:
    alert_id: strawberry.ID = strawberry.field(description=ALERT)


@strawberry.input(description="An alert that you put off.")
class AlertSnoozeInput:
    alert_id: strawberry.ID = strawberry.field(description=ALERT)
    until: datetime = strawberry.field(description="Until when, at most 30 days ahead.")


@strawberry.input(description="From how few units on a product is low.")
class StockReorderPointSetInput:
    store_id: strawberry.ID = strawberry.field(description="A store you manage.")
    product_id: strawberry.ID | None = strawberry.field(
        default=None, description="A product that it lists; without it, all that have no own point."
    )
    units: int | None = strawberry.field(
        default=None, description="From 0; without it, a product goes by its store's point again."
    )
