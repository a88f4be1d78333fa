"""Root fields of the storefront, listings, products and scheduled prices."""

import strawberry

from resolvers.catalog import listings as listing_resolvers
from resolvers.catalog import product_codes as code_resolvers
from resolvers.catalog import product_handling as handling_resolvers
from resolvers.catalog import scheduled_prices as price_change_resolvers
from resolvers.catalog import storefronts as storefront_resolvers
from resolvers.rules import COMPANY, STORE
from schema.backing import field, mutation
from schema.catalog.listings import ListingAvailabilitySetPayload, ListingPriceSetPayload
from schema.catalog.product_codes import (
    CompanyScaleLabelsSetPayload,
    ProductBarcodesSetPayload,
    ScannedProductType,
)
from schema.catalog.product_handling import ProductUpdatePayload
from schema.catalog.scheduled_prices import (
    ListingPriceSchedulePayload,
    ScheduledPriceCancelPayload,
    ScheduledPriceType,
)
from schema.catalog.storefronts import StorefrontType
from schema.pages import ConnectionType


@strawberry.type
class StorefrontQuery:
    storefront: StorefrontType | None = field(
        storefront_resolvers.storefront,
        "The storefront of a location: its store, products and delivery estimate.",
    )


@strawberry.type
class ListingMutation:
    listing_availability_set: ListingAvailabilitySetPayload | None = mutation(
        listing_resolvers.set_availability,
        "Makes a product available to customers, or unavailable.",
        allow=STORE,
    )
    listing_price_set: ListingPriceSetPayload | None = mutation(
        listing_resolvers.set_price, "Changes the price of a product in a store.", allow=STORE
    )


@strawberry.type
class HandlingMutation:
    product_update: ProductUpdatePayload | None = mutation(
        handling_resolvers.set_handling,
        "Sets the storage temperature, minimum age and unit weight of a product.",
        allow=COMPANY,
    )


@strawberry.type
class ProductCodeQuery:
    scanned_product: ScannedProductType | None = field(
        code_resolvers.scanned_product,
        "The product of a scanned code in a store, with the lot, date, weight or price in it; null"
        " when the store does not list the product.",
        allow=STORE,
    )


@strawberry.type
class ProductCodeMutation:
    product_barcodes_set: ProductBarcodesSetPayload | None = mutation(
        code_resolvers.set_barcodes,
        "Replaces the barcodes of a product. No code is of two products of a company.",
        allow=COMPANY,
    )
    company_scale_labels_set: CompanyScaleLabelsSetPayload | None = mutation(
        code_resolvers.set_scale_labels,
        "Sets how the labels of the company's scales are read.",
        allow=COMPANY,
    )


@strawberry.type
class PriceChangeQuery:
    scheduled_prices: ConnectionType[ScheduledPriceType] | None = field(
        price_change_resolvers.list_of_store,
        "The scheduled prices of a store, newest first.",
        allow=STORE,
    )


@strawberry.type
class PriceChangeMutation:
    listing_price_schedule: ListingPriceSchedulePayload | None = mutation(
        price_change_resolvers.schedule,
        "Schedules a price of a store, permanent or for a period.",
        allow=STORE,
    )
    scheduled_price_cancel: ScheduledPriceCancelPayload | None = mutation(
        price_change_resolvers.cancel,
        "Cancels a scheduled price, or ends an active one.",
        allow=STORE,
    )
