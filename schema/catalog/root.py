"""Root fields of the storefront, listings, products and scheduled prices."""

import strawberry

from resolvers.catalog import listings as listing_resolvers
from resolvers.catalog import product_handling as handling_resolvers
from resolvers.catalog import scheduled_prices as price_change_resolvers
from resolvers.catalog import storefronts as storefront_resolvers
from resolvers.rules import COMPANY, STORE
from schema.backing import field, mutation
from schema.catalog.listings import ListingSetAvailabilityPayload, ListingSetPricePayload
from schema.catalog.product_handling import CompanyHeadroomSetPayload, ProductHandlingSetPayload
from schema.catalog.scheduled_prices import (
    ListingPriceCancelPayload,
    ListingPriceSchedulePayload,
    PriceChangeType,
)
from schema.catalog.storefronts import StorefrontType
from schema.pages import ConnectionType


@strawberry.type
class StorefrontQuery:
    storefront: StorefrontType | None = field(
        storefront_resolvers.storefront, "What can be had at a place, now."
    )


@strawberry.type
class ListingMutation:
    listing_set_availability: ListingSetAvailabilityPayload | None = mutation(
        listing_resolvers.set_availability, "Show a product to customers, or hide it.", allow=STORE
    )
    listing_set_price: ListingSetPricePayload | None = mutation(
        listing_resolvers.set_price, "Ask another price for a product in your store.", allow=STORE
    )


@strawberry.type
class HandlingMutation:
    product_handling_set: ProductHandlingSetPayload | None = mutation(
        handling_resolvers.set_handling, "Say how a product is kept in every store.", allow=COMPANY
    )
    company_headroom_set: CompanyHeadroomSetPayload | None = mutation(
        handling_resolvers.set_headroom,
        "Say how much is held beyond the estimate of what is sold by weight.",
        allow=COMPANY,
    )


@strawberry.type
class PriceChangeQuery:
    price_changes: ConnectionType[PriceChangeType] | None = field(
        price_change_resolvers.list_of_store,
        "The planned prices of your store, the newest first.",
        allow=STORE,
    )


@strawberry.type
class PriceChangeMutation:
    listing_price_schedule: ListingPriceSchedulePayload | None = mutation(
        price_change_resolvers.schedule,
        "Plan a price of your store for later, for good or a while.",
        allow=STORE,
    )
    listing_price_cancel: ListingPriceCancelPayload | None = mutation(
        price_change_resolvers.cancel,
        "Call a planned price off, or end one that is asked now.",
        allow=STORE,
    )
