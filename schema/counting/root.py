"""Root fields of stock counts."""

import strawberry

from resolvers.counting import stock_counts as stock_count_resolvers
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.counting.stock_counts import (
    StockCountApprovePayload,
    StockCountCancelPayload,
    StockCountLineSetPayload,
    StockCountLineType,
    StockCountRejectPayload,
    StockCountStartPayload,
    StockCountSubmitPayload,
    StockCountType,
)
from schema.pages import ConnectionType


@strawberry.type
class StockCountQuery:
    stock_count: StockCountType | None = field(
        stock_count_resolvers.get_count, "A stock count by its id.", allow=STORE
    )
    stock_counts: ConnectionType[StockCountType] | None = field(
        stock_count_resolvers.list_of_store,
        "The stock counts of a store, newest first.",
        allow=STORE,
    )
    stock_count_lines: ConnectionType[StockCountLineType] | None = field(
        stock_count_resolvers.list_lines,
        "The lines of a stock count: its variance report.",
        allow=STORE,
    )


@strawberry.type
class StockCountMutation:
    stock_count_start: StockCountStartPayload | None = mutation(
        stock_count_resolvers.start,
        "Starts a blind count of products of a store.",
        allow=STORE,
    )
    stock_count_line_set: StockCountLineSetPayload | None = mutation(
        stock_count_resolvers.set_line, "Records the counted units of a product.", allow=STORE
    )
    stock_count_submit: StockCountSubmitPayload | None = mutation(
        stock_count_resolvers.submit, "Submits a count for approval.", allow=STORE
    )
    stock_count_approve: StockCountApprovePayload | None = mutation(
        stock_count_resolvers.approve,
        "Approves a count and corrects the stock by its variance.",
        allow=MANAGER,
    )
    stock_count_reject: StockCountRejectPayload | None = mutation(
        stock_count_resolvers.reject,
        "Rejects a count: lines with a variance are counted again.",
        allow=MANAGER,
    )
    stock_count_cancel: StockCountCancelPayload | None = mutation(
        stock_count_resolvers.cancel, "Cancels a count without a change of stock.", allow=MANAGER
    )
