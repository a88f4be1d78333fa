from datetime import datetime

import strawberry

from models.catalog import TemperatureZone
from resolvers.shared_inputs import BigInt
from services.catalog.product_handling import ProductHandling

VERSION = "The listing's version that this change was made for."


@strawberry.input(description="Which product to show or to hide, in which store.")
class ListingSetAvailabilityInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    product_id: strawberry.ID = strawberry.field(description="A product that it lists.")
    available: bool = strawberry.field(description="Whether customers may order it.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="What to ask for a product, in which store.")
class ListingSetPriceInput:
    store_id: strawberry.ID = strawberry.field(description="A store you work in.")
    product_id: strawberry.ID = strawberry.field(description="A product that it lists.")
    price_minor: BigInt = strawberry.field(
        description="The price in minor units, tax included: of a kilogram where it is weighed."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="How much is held beyond the estimate of what is sold by weight.")
class CompanyHeadroomSetInput:
    company_id: strawberry.ID = strawberry.field(description="Your company.")
    headroom_bp: int = strawberry.field(
        description="Hundredths of a percent of the estimate, from 0 to 5000."
    )


@strawberry.input(description="How a product is kept in every store of your company.")
class ProductHandlingSetInput:
    product_id: strawberry.ID = strawberry.field(description="A product of your company.")
    temperature_zone: TemperatureZone = strawberry.field(description="How cold it is kept.")

    unit_grams: int | None = strawberry.field(
        default=None,
        description="What a piece weighs, about, where it is sold by weight; else leave it out.",
    )

    def to_handling(self) -> ProductHandling:
        return ProductHandling(temperature_zone=self.temperature_zone, unit_grams=self.unit_grams)


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
