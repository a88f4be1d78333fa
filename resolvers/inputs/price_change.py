from datetime import datetime

import strawberry

from resolvers.inputs.scalars import BigInt


@strawberry.input(description="A price that your store will ask, and when.")
class ListingPriceScheduleInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    product_id: strawberry.ID = strawberry.field(description="A product that it lists.")
    price_minor: BigInt = strawberry.field(
        description="The price in minor units, tax included: of a kilogram where it is weighed."
    )
    starts_at: datetime = strawberry.field(
        description="From when, in the future and at most 366 days ahead."
    )
    ends_at: datetime | None = strawberry.field(
        default=None,
        description="Until when: then the price before comes back. For good without it.",
    )


@strawberry.input(description="A planned price that your store will not ask, or no longer.")
class ListingPriceCancelInput:
    price_change_id: strawberry.ID = strawberry.field(description="The planned price.")
