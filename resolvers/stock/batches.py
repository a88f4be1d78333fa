"""Batches: what expires, what to mark down, what is thrown away or recalled."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.catalog import Product
from models.companies import Company
from models.stock import BatchRecall, StockBatch, StockEntry
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import attempt, of, widen
from resolvers.stock.inputs import BatchRecallInput, BatchWasteInput
from resolvers.stock.stock import After, First, StoreId
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.stock import expiring_batches
from services.stock import recalls as stock_recalls
from services.stock.expiring_batches import Markdown
from services.stock.recalls import RecalledOrder

WithinDays = Annotated[
    int, strawberry.argument(description="How many days ahead, from 0 (today) to 365.")
]
CompanyId = Annotated[strawberry.ID, strawberry.argument(description="Your company.")]
RecallId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]


@dataclass
class WasteOutcome:
    """What `batchWaste` answers: the ledger's new entry, or every reason against it."""

    entry: StockEntry | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class RecallOutcome:
    """What `batchRecall` answers: the recall, or every reason against it."""

    recall: BatchRecall | None = None
    errors: list[Any] = field(default_factory=list)


async def expiring(
    info: Info, store_id: StoreId, within_days: WithinDays, first: First, after: After = None
) -> Page[StockBatch]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await expiring_batches.expiring(
            session, actor=actor, store_id=store, within_days=within_days, first=first,
            cursor=after,
        )  # fmt: skip


async def markdowns(
    info: Info, store_id: StoreId, within_days: WithinDays, first: First, after: After = None
) -> Page[Markdown]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await expiring_batches.markdowns(
            session, actor=actor, store_id=store, within_days=within_days, first=first,
            cursor=after,
        )  # fmt: skip


async def waste(info: Info, input: BatchWasteInput) -> WasteOutcome:
    return await attempt(
        info,
        WasteOutcome,
        lambda session: expiring_batches.waste(session, **_wasted(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _wasted(info: Info, input: BatchWasteInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "product_id": key_if_given(Product, input.product_id, "productId"),
        "batch_id": key_if_given(StockBatch, input.batch_id, "batchId"),
        "quantity": input.quantity,
        "source": input.source,
        "note": input.note,
    }


async def recall_batch(info: Info, input: BatchRecallInput) -> RecallOutcome:
    async def verb(session: Any) -> BatchRecall:
        return await stock_recalls.recall(session, **_recalled(info, input))

    return await attempt(info, RecallOutcome, verb, input=input, company_id=_company(input))


def _recalled(info: Info, input: BatchRecallInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": key_of(Company, input.company_id, "companyId"),
        "product_id": key_of(Product, input.product_id, "productId"),
        "batch_code": input.batch_code,
        "reason": input.reason,
    }


def _company(input: BatchRecallInput) -> Any:
    """Widens the unit of work to the company; the verb asks first who may act for it."""

    async def look_up(session: Any) -> Any:
        return await widen(session, key_of(Company, input.company_id, "companyId"))

    return look_up


async def recalls(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[BatchRecall]:
    actor, company = info.context.actor, key_of(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await stock_recalls.of_company(
            session, actor=actor, company_id=company, first=first, cursor=after
        )


async def one_recall(info: Info, id: RecallId) -> BatchRecall:
    key = key_of(BatchRecall, id, "id")
    async with info.context.read() as session:
        return await stock_recalls.visible(session, actor=info.context.actor, recall_id=key)


async def orders(
    parent: strawberry.Parent[BatchRecall], info: Info, first: First, after: After = None
) -> Page[RecalledOrder]:
    async with info.context.read() as session:
        return await stock_recalls.orders(
            session, actor=info.context.actor, row=parent, first=first, cursor=after
        )
