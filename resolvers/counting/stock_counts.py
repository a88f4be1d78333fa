"""Stock counts: counted blind by the staff of a store, approved by its managers."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.counting import StockCount, StockCountAction, StockCountFilter, StockCountStatus
from models.stores import Store
from resolvers.context import Info
from resolvers.counting.inputs import (
    StockCountApproveInput,
    StockCountCancelInput,
    StockCountLineSetInput,
    StockCountRejectInput,
    StockCountStartInput,
    StockCountSubmitInput,
)
from resolvers.mutations import CompanyRef, company_of, run_mutation
from services.core.pages import Page
from services.core.problems import parse_id
from services.counting import count_opening, count_queries, count_states, stock_counts
from services.counting.count_queries import VisibleCountLine

CountId = Annotated[strawberry.ID, strawberry.argument(description="The count's id.")]
StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Status = Annotated[
    StockCountStatus | None,
    strawberry.argument(description="Only these statuses; all if left out."),
]
Only = Annotated[
    StockCountFilter | None,
    strawberry.argument(
        description="Only these lines; WITH_VARIANCE after the count was submitted."
    ),
]


@dataclass
class StockCountOutcome:
    """Result of a mutation of a stock count: the count, or the errors."""

    stock_count: StockCount | None = None
    errors: list[Any] = field(default_factory=list)


async def get_count(info: Info, id: CountId) -> StockCount:
    key = parse_id(StockCount, id, "id")
    async with info.context.read() as session:
        return await count_queries.visible_count(session, actor=info.context.actor, count_id=key)


async def list_of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, status: Status = None
) -> Page[StockCount]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await count_queries.list_of_store(
            session, actor=actor, store_id=store, first=first, cursor=after, status=status
        )


async def list_lines(
    info: Info, stock_count_id: CountId, first: First, after: After = None, filter: Only = None
) -> Page[VisibleCountLine]:
    actor, count = info.context.actor, parse_id(StockCount, stock_count_id, "stockCountId")
    async with info.context.read() as session:
        return await count_queries.list_lines(
            session, actor=actor, count_id=count, first=first, cursor=after, line_filter=filter
        )


async def start(info: Info, input: StockCountStartInput) -> StockCountOutcome:
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: count_opening.start(session, **_start_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


async def set_line(info: Info, input: StockCountLineSetInput) -> StockCountOutcome:
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: stock_counts.set_line(session, **_line_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def submit(info: Info, input: StockCountSubmitInput) -> StockCountOutcome:
    left = input.allow_uncounted
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: stock_counts.submit(
            session, allow_uncounted=left, **_step_args(info, input)
        ),
        input=input,
        company_id=_company(info, input),
    )


async def approve(info: Info, input: StockCountApproveInput) -> StockCountOutcome:
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: stock_counts.approve(session, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def reject(info: Info, input: StockCountRejectInput) -> StockCountOutcome:
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: stock_counts.reject(session, note=input.note, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


async def cancel(info: Info, input: StockCountCancelInput) -> StockCountOutcome:
    return await run_mutation(
        info,
        StockCountOutcome,
        lambda session: stock_counts.cancel(session, **_step_args(info, input)),
        input=input,
        company_id=_company(info, input),
    )


def _company(info: Info, input: Any) -> CompanyRef:
    return company_of(info, StockCount, input.stock_count_id, "stockCountId")


def _step_args(info: Info, input: Any) -> dict[str, Any]:
    """The arguments that every step has: the actor, the count and its expected version."""
    return {
        "actor": info.context.actor,
        "count_id": parse_id(StockCount, input.stock_count_id, "stockCountId"),
        "expected_version": input.expected_version,
    }


def _start_args(info: Info, input: StockCountStartInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "selection": input.to_selection(),
        "note": input.note,
    }


def _line_args(info: Info, input: StockCountLineSetInput) -> dict[str, Any]:
    product_id, code = input.product.to_reference("product")
    return {
        "actor": info.context.actor,
        "count_id": parse_id(StockCount, input.stock_count_id, "stockCountId"),
        "product_id": product_id,
        "code": code,
        "counted": input.counted,
    }


def available_actions(parent: strawberry.Parent[StockCount], info: Info) -> list[StockCountAction]:
    return count_states.MACHINE.available_actions(parent, info.context.actor)
