"""Root fields of stores."""

import strawberry

from resolvers.rules import COMPANY, MANAGER
from resolvers.stores import stores as store_resolvers
from schema.backing import field, mutation
from schema.stores.stores import (
    StoreCreatePayload,
    StoreHoursSetPayload,
    StoreType,
    StoreUpdatePayload,
    StoreZoneSetPayload,
)


@strawberry.type
class StoreQuery:
    store: StoreType | None = field(store_resolvers.store, "A store by its id.")


@strawberry.type
class StoreMutation:
    store_create: StoreCreatePayload | None = mutation(
        store_resolvers.create_store, "Creates a store of a company.", allow=COMPANY
    )
    store_update: StoreUpdatePayload | None = mutation(
        store_resolvers.update_store, "Changes the settings of a store.", allow=MANAGER
    )
    store_zone_set: StoreZoneSetPayload | None = mutation(
        store_resolvers.set_zone, "Sets the delivery zone of a store.", allow=MANAGER
    )
    store_hours_set: StoreHoursSetPayload | None = mutation(
        store_resolvers.set_hours, "Sets the weekly opening hours of a store.", allow=MANAGER
    )
