"""Counter sales of a store."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import strawberry

from dataloaders import counter_sales as load
from models.counter_sales import PosSale, PosSaleAction
from models.stores import Store
from resolvers.context import Info
from resolvers.counter_sales.inputs import (
    PosSaleCreateInput,
    PosSaleLineInput,
    PosSaleVoidInput,
)
from resolvers.mutations import company_of, run_mutation
from services.core.access import may_manage_store
from services.core.pages import Page
from services.core.problems import parse_id
from services.counter_sales import counter_baskets, counter_reports, counter_sales

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
SaleId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
Day = Annotated[date | None, strawberry.argument(description="A business day of the store.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class CounterSaleOutcome:
    """Result of a counter sale mutation: the sale, or the problems."""

    pos_sale: PosSale | None = None
    errors: list[Any] = field(default_factory=list)


async def list_of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, day: Day = None
) -> Page[PosSale]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await counter_reports.list_of_store(
            session, actor=actor, store_id=store, day=day, first=first, cursor=after
        )


async def get_sale(info: Info, id: SaleId) -> PosSale:
    key = parse_id(PosSale, id, "id")
    async with info.context.read() as session:
        return await counter_reports.visible_sale(
            session, actor=info.context.actor, counter_sale_id=key
        )


async def report_day(
    info: Info, store_id: StoreId, day: Day = None
) -> counter_reports.CounterDayReport:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await counter_reports.report_day(session, actor=actor, store_id=store, day=day)


async def complete(info: Info, input: PosSaleCreateInput) -> CounterSaleOutcome:
    return await run_mutation(
        info,
        CounterSaleOutcome,
        lambda session: counter_sales.complete(session, **_complete_arguments(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _complete_arguments(info: Info, input: PosSaleCreateInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "scans": [_to_scan(line, str(n)) for n, line in enumerate(input.lines)],
        "payment": counter_baskets.CounterPayment(
            input.tender_type, input.cash_received_minor, input.terminal_reference
        ),
        "shown": input.age_check and input.age_check.to_shown_document(),
    }


def _to_scan(line: PosSaleLineInput, index: str) -> counter_baskets.ScannedItem:
    product_id, code = line.product.to_reference("lines", index, "product")
    return counter_baskets.ScannedItem(line.quantity, code, product_id, line.weight_grams)


async def void(info: Info, input: PosSaleVoidInput) -> CounterSaleOutcome:
    return await run_mutation(
        info,
        CounterSaleOutcome,
        lambda session: counter_sales.void(session, **_void_arguments(info, input)),
        input=input,
        company_id=company_of(info, PosSale, input.pos_sale_id, "posSaleId"),
    )


def _void_arguments(info: Info, input: PosSaleVoidInput) -> dict[str, Any]:
    key = parse_id(PosSale, input.pos_sale_id, "posSaleId")
    return {"actor": info.context.actor, "counter_sale_id": key, "note": input.note}


async def available_actions(parent: strawberry.Parent[PosSale], info: Info) -> list[PosSaleAction]:
    actor = info.context.actor
    if not may_manage_store(actor, parent.company_id, parent.store_id):
        return []
    today = await info.context.loaders.load(load.business_day_by_store, parent.store_id)
    return [] if today is None else counter_sales.available_actions(parent, actor, today)
