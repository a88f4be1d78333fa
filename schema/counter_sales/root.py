"""Root fields of counter sales."""

import strawberry

from resolvers.counter_sales import counter_sales as counter_sale_resolvers
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.counter_sales.counter_sales import (
    PosDayReportType,
    PosSaleCreatePayload,
    PosSaleType,
    PosSaleVoidPayload,
)
from schema.pages import ConnectionType


@strawberry.type
class CounterSaleQuery:
    pos_sales: ConnectionType[PosSaleType] | None = field(
        counter_sale_resolvers.list_of_store,
        "The counter sales of a store, newest first.",
        allow=STORE,
    )
    pos_sale: PosSaleType | None = field(
        counter_sale_resolvers.get_sale, "A counter sale by its id.", allow=STORE
    )
    pos_day_report: PosDayReportType | None = field(
        counter_sale_resolvers.report_day,
        "The counter sales of a store on one day; today if left out.",
        allow=STORE,
    )


@strawberry.type
class CounterSaleMutation:
    pos_sale_create: PosSaleCreatePayload | None = mutation(
        counter_sale_resolvers.complete,
        "Records a sale at the store's counter.",
        allow=STORE,
    )
    pos_sale_void: PosSaleVoidPayload | None = mutation(
        counter_sale_resolvers.void,
        "Voids a counter sale on its business day; goods and money are returned.",
        allow=MANAGER,
    )
