"""Root fields of the shelf."""

import strawberry

from resolvers import stock as resolve
from resolvers.rules import STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.stock import Stock, StockAdjustPayload


@strawberry.type
class Query:
    store_stock: Connection[Stock] | None = field(
        resolve.of_store, "What your store has, product by product.", allow=STORE
    )


@strawberry.type
class Mutation:
    stock_adjust: StockAdjustPayload = mutation(
        resolve.adjust, "Correct the books after counting the shelf.", allow=STORE
    )
