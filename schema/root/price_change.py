"""Root fields of planned prices."""

import strawberry

from resolvers import price_change as resolve
from resolvers.rules import STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.price_change import ListingPriceCancelPayload, ListingPriceSchedulePayload, PriceChange


@strawberry.type
class Query:
    price_changes: Connection[PriceChange] | None = field(
        resolve.of_store, "The planned prices of your store, the newest first.", allow=STORE
    )


@strawberry.type
class Mutation:
    listing_price_schedule: ListingPriceSchedulePayload = mutation(
        resolve.schedule, "Plan a price of your store for later, for good or a while.", allow=STORE
    )
    listing_price_cancel: ListingPriceCancelPayload = mutation(
        resolve.cancel, "Call a planned price off, or end one that is asked now.", allow=STORE
    )
