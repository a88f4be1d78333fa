"""Batches: lists of expiring ones and of markdowns, write-offs and recalls."""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import strawberry

from dataloaders import stock as load
from models.catalog import Product
from models.companies import Company
from models.stock import BatchRecall, StockBatch, StockMovement
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation, widen_scope
from resolvers.stock.inputs import BatchRecallCreateInput, StockWriteOffInput
from resolvers.stock.stock import After, First, StoreId
from services.core.pages import Page
from services.core.problems import parse_id
from services.stock import expiring_batches
from services.stock import recalls as stock_recalls
from services.stock.expiring_batches import MarkdownCandidate
from services.stock.recalls import RecalledOrder

WithinDays = Annotated[
    int, strawberry.argument(description="Number of days ahead, from 0 (today) to 365.")
]
CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company.")]
RecallId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]


@dataclass
class WasteOutcome:
    """Result of `stockWriteOff`: the new ledger row, or the errors."""

    stock_movement: StockMovement | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class RecallOutcome:
    """Result of `batchRecallCreate`: the recall, or the errors."""

    batch_recall: BatchRecall | None = None
    errors: list[Any] = field(default_factory=list)


async def list_expiring(
    info: Info, store_id: StoreId, within_days: WithinDays, first: First, after: After = None
) -> Page[StockBatch]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await expiring_batches.list_expiring(
            session, actor=actor, store_id=store, within_days=within_days, first=first,
            cursor=after,
        )  # fmt: skip


async def list_markdown_candidates(
    info: Info, store_id: StoreId, within_days: WithinDays, first: First, after: After = None
) -> Page[MarkdownCandidate]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await expiring_batches.list_markdown_candidates(
            session, actor=actor, store_id=store, within_days=within_days, first=first,
            cursor=after,
        )  # fmt: skip


async def write_off(info: Info, input: StockWriteOffInput) -> WasteOutcome:
    return await run_mutation(
        info,
        WasteOutcome,
        lambda session: expiring_batches.write_off(session, **_write_off_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _write_off_args(info: Info, input: StockWriteOffInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        **input.goods.to_keys(),
        "quantity": input.quantity,
        "source": input.source,
        "note": input.note,
    }


async def recall_batch(info: Info, input: BatchRecallCreateInput) -> RecallOutcome:
    async def recall(session: Any) -> BatchRecall:
        return await stock_recalls.recall(session, **_recall_args(info, input))

    return await run_mutation(info, RecallOutcome, recall, input=input, company_id=_scope(input))


def _recall_args(info: Info, input: BatchRecallCreateInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": parse_id(Company, input.company_id, "companyId"),
        "product_id": parse_id(Product, input.product_id, "productId"),
        "batch_code": input.batch_code,
        "reason": input.reason,
    }


def _scope(input: BatchRecallCreateInput) -> Any:
    """Widens the transaction's scope to the company; the service checks the actor's role first."""

    async def widen(session: Any) -> Any:
        return await widen_scope(session, parse_id(Company, input.company_id, "companyId"))

    return widen


async def list_recalls(
    info: Info, company_id: CompanyId, first: First, after: After = None
) -> Page[BatchRecall]:
    actor, company = info.context.actor, parse_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await stock_recalls.list_of_company(
            session, actor=actor, company_id=company, first=first, cursor=after
        )


async def get_recall(info: Info, id: RecallId) -> BatchRecall:
    key = parse_id(BatchRecall, id, "id")
    async with info.context.read() as session:
        return await stock_recalls.visible_recall(session, actor=info.context.actor, recall_id=key)


async def batches_of_recall(parent: strawberry.Parent[BatchRecall], info: Info) -> list[StockBatch]:
    """The recalled batches in the stores that the caller works for or serves."""
    batches = await info.context.loaders.load(load.batches_by_recall, parent.id)
    may_read = partial(stock_recalls.may_read_batch, info.context.actor)
    return list(filter(may_read, batches))


async def list_orders(
    parent: strawberry.Parent[BatchRecall], info: Info, first: First, after: After = None
) -> Page[RecalledOrder]:
    async with info.context.read() as session:
        return await stock_recalls.list_orders(
            session, actor=info.context.actor, row=parent, first=first, cursor=after
        )
