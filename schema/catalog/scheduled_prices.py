from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from dataloaders import catalog as load_catalog
from resolvers.catalog import scheduled_prices as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import key, money
from schema.nodes import Node
from schema.problems import IllegalStep, InvalidInput, NotFound, Problem
from schema.scalars import Money
from services.catalog import scheduled_prices

if TYPE_CHECKING:
    from schema.catalog.products import Product


@backed_by(models.PriceChange, "A price that a store asks from a moment on, for good or a while.")
class PriceChange(Node):
    id: strawberry.ID = key(models.PriceChange)
    store_id: strawberry.ID = key(models.Store, "The store.", by="store_id")
    product_id: strawberry.ID = key(models.Product, "The product's id.", by="product_id")
    product: Annotated["Product", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.offer_by_store_and_product,
        "The product; null when the store does not list it.",
        by="place",
    )
    price: Money = money("price_minor", "What is asked then, tax included.")
    previous_price: Money | None = money(
        "previous_price_minor", "What was asked before; null until it has begun."
    )
    starts_at: datetime = column("From when.")
    ends_at: datetime | None = column("Until when; null when it is for good.")
    status: models.PriceChangeStatus = column("Whether it waits, is asked now, or is over.")
    available_actions: list[models.PriceChangeAction] = field(
        resolve.available_actions, "What you can do with it now."
    )
    created_at: datetime = column("When it was planned.")
    version: int = column("Grows with each change of it.")


@backed_by(scheduled_prices.ScheduleOverlap, "Another price is planned for a part of this time.")
class ScheduleOverlap(Problem):
    price_change_id: strawberry.ID = column("The price that is planned already.")
    starts_at: datetime = column("From when that one is asked.")
    ends_at: datetime | None = column("Until when; null when it is for good.")


ListingPriceScheduleError = Annotated[
    NotFound | InvalidInput | ScheduleOverlap,
    strawberry.union("ListingPriceScheduleError", description="Why nothing was planned."),
]
ListingPriceCancelError = Annotated[
    NotFound | IllegalStep,
    strawberry.union("ListingPriceCancelError", description="Why the plan stays."),
]
NOW = "The planned price as it is now; null when nothing was done."
ERRORS = "Every reason why nothing was done."


@backed_by(resolve.PriceChangeOutcome, "What listingPriceSchedule did.")
class ListingPriceSchedulePayload:
    price_change: PriceChange | None = column(NOW)
    errors: list[ListingPriceScheduleError] = column(ERRORS)


@backed_by(resolve.PriceChangeOutcome, "What listingPriceCancel did.")
class ListingPriceCancelPayload:
    price_change: PriceChange | None = column(NOW)
    errors: list[ListingPriceCancelError] = column(ERRORS)
