"""Cycle counts: counted blind by a store's staff, approved by its managers."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.catalog import Product
from models.counting import StockCount, StockCountAction, StockCountFilter, StockCountStatus
from models.stores import Store
from resolvers.context import Info
from resolvers.counting.inputs import (
    StockCountLineSetInput,
    StockCountRejectInput,
    StockCountStartInput,
    StockCountStepInput,
    StockCountSubmitInput,
)
from resolvers.mutations import Company, attempt, of
from services.core.pages import Page
from services.core.problems import key_of
from services.counting import count_opening, count_queries, count_states, stock_counts
from services.counting.count_queries import SeenLine

CountId = Annotated[strawberry.ID, strawberry.argument(description="The count's id.")]
StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Status = Annotated[
    StockCountStatus | None, strawberry.argument(description="Only these; all when left out.")
]
Only = Annotated[
    StockCountFilter | None,
    strawberry.argument(description="Only these lines; OFF once the count is submitted."),
]


@dataclass
class StockCountOutcome:
    """What the count's writes answer: the row as it is now, or every reason against it."""

    count: StockCount | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: CountId) -> StockCount:
    key = key_of(StockCount, id, "id")
    async with info.context.read() as session:
        return await count_queries.visible(session, actor=info.context.actor, count_id=key)


async def of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, status: Status = None
) -> Page[StockCount]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await count_queries.of_store(
            session, actor=actor, store_id=store, first=first, cursor=after, status=status
        )


async def lines(
    info: Info, count_id: CountId, first: First, after: After = None, only: Only = None
) -> Page[SeenLine]:
    actor, count = info.context.actor, key_of(StockCount, count_id, "countId")
    async with info.context.read() as session:
        return await count_queries.lines(
            session, actor=actor, count_id=count, first=first, cursor=after, only=only
        )


async def start(info: Info, input: StockCountStartInput) -> StockCountOutcome:
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: count_opening.start(session, **_start(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


async def set_line(info: Info, input: StockCountLineSetInput) -> StockCountOutcome:
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: stock_counts.set_line(session, **_line(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def submit(info: Info, input: StockCountSubmitInput) -> StockCountOutcome:
    left = input.leave_uncounted
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: stock_counts.submit(session, leave_uncounted=left, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def approve(info: Info, input: StockCountStepInput) -> StockCountOutcome:
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: stock_counts.approve(session, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def reject(info: Info, input: StockCountRejectInput) -> StockCountOutcome:
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: stock_counts.reject(session, note=input.note, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def cancel(info: Info, input: StockCountStepInput) -> StockCountOutcome:
    return await attempt(
        info,
        StockCountOutcome,
        lambda session: stock_counts.cancel(session, **_of(info, input)),
        input=input,
        company_id=_company(info, input),
    )


def _company(info: Info, input: Any) -> Company:
    return of(info, StockCount, input.count_id, "countId")


def _of(info: Info, input: Any) -> dict[str, Any]:
    """Who takes a step, with which count, as they saw it."""
    return {
        "actor": info.context.actor,
        "count_id": key_of(StockCount, input.count_id, "countId"),
        "expected_version": input.expected_version,
    }


def _start(info: Info, input: StockCountStartInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "choice": input.choice(),
        "note": input.note,
    }


def _line(info: Info, input: StockCountLineSetInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "count_id": key_of(StockCount, input.count_id, "countId"),
        "product_id": key_of(Product, input.product_id, "productId"),
        "counted": input.counted,
    }


def available_actions(parent: strawberry.Parent[StockCount], info: Info) -> list[StockCountAction]:
    return count_states.available_actions(parent, info.context.actor)
