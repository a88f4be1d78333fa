"""Root fields of the store's counter."""

import strawberry

from resolvers import counter_sale as resolve
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.counter_sale import (
    CounterDay,
    CounterSale,
    CounterSaleCompletePayload,
    CounterSaleVoidPayload,
)
from schema.page import Connection


@strawberry.type
class Query:
    counter_sales: Connection[CounterSale] | None = field(
        resolve.of_store, "The sales over your store's counter, the newest first.", allow=STORE
    )
    counter_sale: CounterSale | None = field(
        resolve.one, "One sale over your store's counter.", allow=STORE
    )
    counter_day: CounterDay | None = field(
        resolve.day_of, "What your store's counter took in a day; today without one.", allow=STORE
    )


@strawberry.type
class Mutation:
    counter_sale_complete: CounterSaleCompletePayload = mutation(
        resolve.complete,
        "Sell over the counter: scan, take the money, give a receipt.",
        allow=STORE,
    )
    counter_sale_void: CounterSaleVoidPayload = mutation(
        resolve.void, "Undo a sale of today: goods and money go back.", allow=MANAGER
    )
