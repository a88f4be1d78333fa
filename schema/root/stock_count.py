"""Root fields of cycle counts."""

import strawberry

from resolvers import stock_count as resolve
from resolvers.rules import MANAGER, STORE
from schema.backing import field, mutation
from schema.page import Connection
from schema.stock_count import (
    StockCount,
    StockCountApprovePayload,
    StockCountCancelPayload,
    StockCountLine,
    StockCountLineSetPayload,
    StockCountRejectPayload,
    StockCountStartPayload,
    StockCountSubmitPayload,
)


@strawberry.type
class Query:
    stock_count: StockCount | None = field(
        resolve.one, "A cycle count of a store of yours.", allow=STORE
    )
    stock_counts: Connection[StockCount] | None = field(
        resolve.of_store, "The cycle counts of your store, newest first.", allow=STORE
    )
    stock_count_lines: Connection[StockCountLine] | None = field(
        resolve.lines, "The products of a cycle count: its variance report.", allow=STORE
    )


@strawberry.type
class Mutation:
    stock_count_start: StockCountStartPayload = mutation(
        resolve.start, "Begin to count some products of your store, blind.", allow=STORE
    )
    stock_count_line_set: StockCountLineSetPayload = mutation(
        resolve.set_line, "Say what you found of a product.", allow=STORE
    )
    stock_count_submit: StockCountSubmitPayload = mutation(
        resolve.submit, "Hand a count in.", allow=STORE
    )
    stock_count_approve: StockCountApprovePayload = mutation(
        resolve.approve, "Put the books right by what was found.", allow=MANAGER
    )
    stock_count_reject: StockCountRejectPayload = mutation(
        resolve.reject, "Have what differs counted again.", allow=MANAGER
    )
    stock_count_cancel: StockCountCancelPayload = mutation(
        resolve.cancel, "Give a count up: nothing changes.", allow=MANAGER
    )
