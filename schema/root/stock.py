"""Root fields of the shelf."""

import strawberry

from resolvers import stock as resolve
from resolvers.rules import STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.stock import Stock, StockAdjustPayload, StockEntry


@strawberry.type
class Query:
    store_stock: Connection[Stock] | None = field(
        resolve.of_store, "What your store has, product by product.", allow=STORE
    )
    stock_ledger: Connection[StockEntry] | None = field(
        resolve.ledger, "Every change of your store's stock, the newest first.", allow=STORE
    )


@strawberry.type
class Mutation:
    stock_adjust: StockAdjustPayload = mutation(
        resolve.adjust, "Correct the books after counting the shelf.", allow=STORE
    )
