from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders import catalog as load_catalog
from models.catalog import PriceChange, PriceChangeAction, PriceChangeStatus, Product
from models.stores import Store
from resolvers.catalog import scheduled_prices as resolve
from schema.backing import backed_by, column, field, related
from schema.fields import id_field, money_field
from schema.nodes import NodeType
from schema.problems import IllegalStepType, InvalidInputType, NotFoundType, ProblemType
from schema.scalars import MoneyType
from services.catalog import scheduled_prices

if TYPE_CHECKING:
    from schema.catalog.products import ProductType


@backed_by(PriceChange, "A price that a store asks from a moment on, for good or a while.")
class PriceChangeType(NodeType):
    id: strawberry.ID = id_field(PriceChange)
    store_id: strawberry.ID = id_field(Store, "The store.", by="store_id")
    product_id: strawberry.ID = id_field(Product, "The product's id.", by="product_id")
    product: Annotated["ProductType", strawberry.lazy("schema.catalog.products")] | None = related(
        load_catalog.product_by_store_and_id,
        "The product; null when the store does not list it.",
        by="listing_key",
    )
    price: MoneyType = money_field("price_minor", "What is asked then, tax included.")
    previous_price: MoneyType | None = money_field(
        "previous_price_minor", "What was asked before; null until it has begun."
    )
    starts_at: datetime = column("From when.")
    ends_at: datetime | None = column("Until when; null when it is for good.")
    status: PriceChangeStatus = column("Whether it waits, is asked now, or is over.")
    available_actions: list[PriceChangeAction] = field(
        resolve.available_actions, "What you can do with it now."
    )
    created_at: datetime = column("When it was planned.")
    version: int = column("Grows with each change of it.")


@backed_by(scheduled_prices.ScheduleOverlap, "Another price is planned for a part of this time.")
class ScheduleOverlapType(ProblemType):
    price_change_id: strawberry.ID = column("The price that is planned already.")
    starts_at: datetime = column("From when that one is asked.")
    ends_at: datetime | None = column("Until when; null when it is for good.")


ListingPriceScheduleError = Annotated[
    NotFoundType | InvalidInputType | ScheduleOverlapType,
    strawberry.union("ListingPriceScheduleError", description="Why nothing was planned."),
]
ListingPriceCancelError = Annotated[
    NotFoundType | IllegalStepType,
    strawberry.union("ListingPriceCancelError", description="Why the plan stays."),
]
ABOUT_PRICE_CHANGE = "The planned price as it is now; null when nothing was done."
ABOUT_ERRORS = "Every reason why nothing was done."


@backed_by(resolve.PriceChangeOutcome, "What listingPriceSchedule did.")
class ListingPriceSchedulePayload:
    price_change: PriceChangeType | None = column(ABOUT_PRICE_CHANGE)
    errors: list[ListingPriceScheduleError] = column(ABOUT_ERRORS)


@backed_by(resolve.PriceChangeOutcome, "What listingPriceCancel did.")
class ListingPriceCancelPayload:
    price_change: PriceChangeType | None = column(ABOUT_PRICE_CHANGE)
    errors: list[ListingPriceCancelError] = column(ABOUT_ERRORS)
