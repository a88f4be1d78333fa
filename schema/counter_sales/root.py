"""Root fields of counter sales."""

import strawberry

from resolvers.counter_sales import counter_sales as counter_sale_resolvers
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.counter_sales.counter_sales import (
    CounterDayType,
    CounterSaleCompletePayload,
    CounterSaleType,
    CounterSaleVoidPayload,
)
from schema.pages import ConnectionType


@strawberry.type
class CounterSaleQuery:
    counter_sales: ConnectionType[CounterSaleType] | None = field(
        counter_sale_resolvers.list_of_store,
        "The sales over your store's counter, the newest first.",
        allow=STORE,
    )
    counter_sale: CounterSaleType | None = field(
        counter_sale_resolvers.get_sale, "One sale over your store's counter.", allow=STORE
    )
    counter_day: CounterDayType | None = field(
        counter_sale_resolvers.report_day,
        "What your store's counter took in a day; today without one.",
        allow=STORE,
    )


@strawberry.type
class CounterSaleMutation:
    counter_sale_complete: CounterSaleCompletePayload | None = mutation(
        counter_sale_resolvers.complete,
        "Sell over the counter: scan, take the money, give a receipt.",
        allow=STORE,
    )
    counter_sale_void: CounterSaleVoidPayload | None = mutation(
        counter_sale_resolvers.void, "Undo a sale of today: goods and money go back.", allow=MANAGER
    )
