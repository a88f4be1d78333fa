"""Root fields of listings: the one-tap switch and the price of a product in a store."""

import strawberry

from resolvers import listing as resolve
from resolvers.rules import STORE
from schema.backing import mutation
from schema.listing import ListingSetAvailabilityPayload, ListingSetPricePayload


@strawberry.type
class Mutation:
    listing_set_availability: ListingSetAvailabilityPayload = mutation(
        resolve.set_availability, "Show a product to customers, or hide it.", allow=STORE
    )
    listing_set_price: ListingSetPricePayload = mutation(
        resolve.set_price, "Ask another price for a product in your store.", allow=STORE
    )
