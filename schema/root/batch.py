"""Root fields of batches."""

import strawberry

from resolvers import batch as resolve
from resolvers.rules import COMPANY, STORE, STORE_OR_SUPPORT
from schema.backing import field, mutation
from schema.batch import (
    BatchRecall,
    BatchRecallPayload,
    BatchWastePayload,
    Markdown,
    StockBatch,
)
from schema.page import Connection


@strawberry.type
class Query:
    expiring_batches: Connection[StockBatch] | None = field(
        resolve.expiring, "What expires on your store's shelves, the first first.", allow=STORE
    )
    markdown_candidates: Connection[Markdown] | None = field(
        resolve.markdowns,
        "What expires on your store's shelves before it would be sold, the first first.",
        allow=STORE,
    )
    batch_recall: BatchRecall | None = field(
        resolve.one_recall, "A recall, for the people of its company.", allow=STORE_OR_SUPPORT
    )
    batch_recalls: Connection[BatchRecall] | None = field(
        resolve.recalls, "Your company's recalls, the newest first.", allow=STORE_OR_SUPPORT
    )


@strawberry.type
class Mutation:
    batch_waste: BatchWastePayload = mutation(
        resolve.waste, "Throw units away and write them off.", allow=STORE
    )
    batch_recall: BatchRecallPayload = mutation(
        resolve.recall_batch, "Take a batch out of sale in every store, for good.", allow=COMPANY
    )
