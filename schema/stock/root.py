"""Root fields of stock and batches."""

import strawberry

from resolvers.rules import COMPANY, STORE, STORE_OR_SUPPORT
from resolvers.stock import batches as batch_resolvers
from resolvers.stock import company_stock as company_stock_resolvers
from resolvers.stock import stock as stock_resolvers
from schema.backing import field, mutation
from schema.pages import ConnectionType
from schema.stock.batches import (
    BatchRecallCreatePayload,
    BatchRecallType,
    MarkdownCandidateType,
    StockBatchType,
    StockWriteOffPayload,
)
from schema.stock.company_stock import CompanyStockLevelType
from schema.stock.stock import StockAdjustPayload, StockLevelType, StockMovementType


@strawberry.type
class StockQuery:
    store_stock: ConnectionType[StockLevelType] | None = field(
        stock_resolvers.list_of_store, "Stock levels of a store, by product.", allow=STORE
    )
    stock_ledger: ConnectionType[StockMovementType] | None = field(
        stock_resolvers.list_movements,
        "The stock ledger of a store, newest first.",
        allow=STORE,
    )


@strawberry.type
class StockMutation:
    stock_adjust: StockAdjustPayload | None = mutation(
        stock_resolvers.adjust, "Adjusts a stock level.", allow=STORE
    )


@strawberry.type
class BatchQuery:
    expiring_batches: ConnectionType[StockBatchType] | None = field(
        batch_resolvers.list_expiring,
        "Batches of a store that expire soon, first to expire first.",
        allow=STORE,
    )
    markdown_candidates: ConnectionType[MarkdownCandidateType] | None = field(
        batch_resolvers.list_markdown_candidates,
        "Batches of a store that will expire before they are sold, first to expire first.",
        allow=STORE,
    )
    batch_recall: BatchRecallType | None = field(
        batch_resolvers.get_recall,
        "A recall by its id, for people of its company.",
        allow=STORE_OR_SUPPORT,
    )
    batch_recalls: ConnectionType[BatchRecallType] | None = field(
        batch_resolvers.list_recalls,
        "The recalls of a company, newest first.",
        allow=STORE_OR_SUPPORT,
    )


@strawberry.type
class BatchMutation:
    stock_write_off: StockWriteOffPayload | None = mutation(
        batch_resolvers.write_off, "Writes off wasted units.", allow=STORE
    )
    batch_recall_create: BatchRecallCreatePayload | None = mutation(
        batch_resolvers.recall_batch,
        "Recalls a batch in all stores, for good.",
        allow=COMPANY,
    )


@strawberry.type
class CompanyStockQuery:
    company_stock: ConnectionType[CompanyStockLevelType] | None = field(
        company_stock_resolvers.list_of_company,
        "Stock levels of a company in all its stores, by product.",
        allow=COMPANY,
    )
