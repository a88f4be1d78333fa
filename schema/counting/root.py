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
        stock_count_resolvers.get_count, "A cycle count of a store of yours.", allow=STORE
    )
    stock_counts: ConnectionType[StockCountType] | None = field(
        stock_count_resolvers.list_of_store,
        "The cycle counts of your store, newest first.",
        allow=STORE,
    )
    stock_count_lines: ConnectionType[StockCountLineType] | None = field(
        stock_count_resolvers.list_lines,
        "The products of a cycle count: its variance report.",
        allow=STORE,
    )


@strawberry.type
class StockCountMutation:
    stock_count_start: StockCountStartPayload | None = mutation(
        stock_count_resolvers.start,
        "Begin to count some products of your store, blind.",
        allow=STORE,
    )
    stock_count_line_set: StockCountLineSetPayload | None = mutation(
        stock_count_resolvers.set_line, "Say what you found of a product.", allow=STORE
    )
    stock_count_submit: StockCountSubmitPayload | None = mutation(
        stock_count_resolvers.submit, "Hand a count in.", allow=STORE
    )
    stock_count_approve: StockCountApprovePayload | None = mutation(
        stock_count_resolvers.approve, "Put the books right by what was found.", allow=MANAGER
    )
    stock_count_reject: StockCountRejectPayload | None = mutation(
        stock_count_resolvers.reject, "Have what differs counted again.", allow=MANAGER
    )
    stock_count_cancel: StockCountCancelPayload | None = mutation(
        stock_count_resolvers.cancel, "Give a count up: nothing changes.", allow=MANAGER
    )
