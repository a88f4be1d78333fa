from datetime import datetime

import strawberry

from models.catalog import TemperatureZone
from resolvers.shared_inputs import SafeInt
from services.catalog.product_handling import ProductHandling

VERSION = "The version of the listing that the caller has read."


@strawberry.input(description="Input of `listingAvailabilitySet`.")
class ListingAvailabilitySetInput:
    store_id: strawberry.ID = strawberry.field(description="A store in which the caller works.")
    product_id: strawberry.ID = strawberry.field(description="A product that the store lists.")
    published: bool = strawberry.field(description="Whether customers can order it.")
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `listingPriceSet`.")
class ListingPriceSetInput:
    store_id: strawberry.ID = strawberry.field(description="A store in which the caller works.")
    product_id: strawberry.ID = strawberry.field(description="A product that the store lists.")
    price_minor: SafeInt = strawberry.field(
        description="Price in minor units, tax included; per kilogram for products sold by weight."
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="Input of `productUpdate`.")
class ProductUpdateInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the company.")
    temperature_zone: TemperatureZone = strawberry.field(description="Its storage temperature.")

    average_weight_grams: int | None = strawberry.field(
        default=None,
        description="Estimated weight of a piece, for products sold by weight only.",
    )

    def to_handling(self) -> ProductHandling:
        return ProductHandling(
            temperature_zone=self.temperature_zone, average_weight_grams=self.average_weight_grams
        )


@strawberry.input(description="Input of `listingPriceSchedule`.")
class ListingPriceScheduleInput:
    store_id: strawberry.ID = strawberry.field(description="A store in which the caller works.")
    product_id: strawberry.ID = strawberry.field(description="A product that the store lists.")
    price_minor: SafeInt = strawberry.field(
        description="Price in minor units, tax included; per kilogram for products sold by weight."
    )
    starts_at: datetime = strawberry.field(
        description="Start, in the future and at most 366 days ahead."
    )
    ends_at: datetime | None = strawberry.field(
        default=None,
        description="End, after which the previous price returns; permanent if left out.",
    )


@strawberry.input(description="Input of `scheduledPriceCancel`.")
class ScheduledPriceCancelInput:
    scheduled_price_id: strawberry.ID = strawberry.field(description="The scheduled price.")


@strawberry.input(description="Input of `productBarcodesSet`.")
class ProductBarcodesSetInput:
    product_id: strawberry.ID = strawberry.field(description="A product of the company.")
    barcodes: list[str] = strawberry.field(
        description="All its barcodes, at most 20, the main one first. A number of 8, 12, 13 or 14"
        " digits needs the right check digit; a UPC-E of 8 digits becomes its UPC-A. The"
        " product's own code finds it anyway: it is kept as the main barcode, and left out after"
        " another one."
    )


@strawberry.input(description="Input of `companyScaleLabelsSet`.")
class CompanyScaleLabelsSetInput:
    company_id: strawberry.ID = strawberry.field(description="The company.")
    formats: list[str] = strawberry.field(
        description="At most 10 formats of 13 characters, such as `21IIIIIWWWWWC`: fixed digits,"
        " then I for digits of the product's code, W for grams or P for the price in minor units,"
        " V for a digit that checks the value, C for the check digit."
    )
