from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from models.catalog import Product, ScheduledPrice, ScheduledPriceAction, ScheduledPriceStatus
from models.stores import Store
from resolvers.catalog import scheduled_prices as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import InvalidInputType, InvalidTransitionType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from services.catalog import scheduled_prices

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(ScheduledPrice, "A scheduled price of a store, permanent or for a period.")
class ScheduledPriceType(NodeType):
    id: strawberry.ID = id_field(ScheduledPrice)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="listing_key",
    )
    price: MoneyType = money_field("price_minor", "The scheduled price, tax included.")
    previous_price: MoneyType | None = money_field(
        "previous_price_minor", "The previous price; null before the start."
    )
    starts_at: datetime = column("Start.")
    ends_at: datetime | None = column("End; null if it is permanent.")
    status: ScheduledPriceStatus = column("Its status.")
    available_actions: list[ScheduledPriceAction] = field(
        resolve.available_actions, "The actions that the caller can take now."
    )
    created_at: datetime = column("Time when it was scheduled.")
    version: int = column("Increases with each change.")


@backed_by(
    scheduled_prices.ScheduledPriceOverlap, "Another price is scheduled for a part of this period."
)
class ScheduledPriceOverlapType(ProblemType):
    scheduled_price_id: strawberry.ID = column("The price that is already scheduled.")
    starts_at: datetime = column("Its start.")
    ends_at: datetime | None = column("End; null if it is permanent.")


ListingPriceScheduleError = Annotated[
    NotFoundType | InvalidInputType | ScheduledPriceOverlapType,
    strawberry.union(
        "ListingPriceScheduleError", description="Problems that `listingPriceSchedule` can return."
    ),
]
ScheduledPriceCancelError = Annotated[
    NotFoundType | InvalidTransitionType,
    strawberry.union(
        "ScheduledPriceCancelError", description="Problems that `scheduledPriceCancel` can return."
    ),
]
ABOUT_PRICE_CHANGE = "The scheduled price after the mutation; null if it was rejected."
ABOUT_ERRORS = "The problems; empty if the mutation succeeded."


@backed_by(resolve.PriceChangeOutcome, "Result of `listingPriceSchedule`.")
class ListingPriceSchedulePayload:
    scheduled_price: ScheduledPriceType | None = column(ABOUT_PRICE_CHANGE)
    errors: list[ListingPriceScheduleError] = column(ABOUT_ERRORS)


@backed_by(resolve.PriceChangeOutcome, "Result of `scheduledPriceCancel`.")
class ScheduledPriceCancelPayload:
    scheduled_price: ScheduledPriceType | None = column(ABOUT_PRICE_CHANGE)
    errors: list[ScheduledPriceCancelError] = column(ABOUT_ERRORS)
