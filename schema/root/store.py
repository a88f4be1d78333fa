"""Root fields of stores: what anybody may know, and how their people run them."""

import strawberry

from resolvers import store as resolve
from resolvers.rules import COMPANY, MANAGER
from schema.backing import field, mutation
from schema.store import (
    Store,
    StoreCreatePayload,
    StoreHoursSetPayload,
    StoreUpdatePayload,
    StoreZoneSetPayload,
)


@strawberry.type
class Query:
    store: Store | None = field(resolve.store, "A store by its id.")


@strawberry.type
class Mutation:
    store_create: StoreCreatePayload = mutation(
        resolve.create, "Add a store to your company.", allow=COMPANY
    )
    store_update: StoreUpdatePayload = mutation(
        resolve.update, "Change your store's name, switch or pace.", allow=MANAGER
    )
    store_zone_set: StoreZoneSetPayload = mutation(
        resolve.set_zone, "Draw the area that your store delivers to.", allow=MANAGER
    )
    store_hours_set: StoreHoursSetPayload = mutation(
        resolve.set_hours, "Say when your store is open, the whole week.", allow=MANAGER
    )
