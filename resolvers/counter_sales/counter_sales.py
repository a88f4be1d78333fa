"""Sales over the counter of a store."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import strawberry

from dataloaders import counter_sales as load
from models.catalog import Product
from models.counter_sales import CounterSale, CounterSaleAction
from models.stores import Store
from resolvers.context import Info
from resolvers.counter_sales.inputs import CounterSaleCompleteInput, CounterSaleVoidInput
from resolvers.mutations import attempt, of
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.counter_sales import counter_baskets, counter_reports, counter_sales

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
SaleId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
Day = Annotated[
    date | None, strawberry.argument(description="A day of the store, by its own clock.")
]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class CounterSaleOutcome:
    """What the writes of counter sales answer: the sale, or every reason against it."""

    sale: CounterSale | None = None
    errors: list[Any] = field(default_factory=list)


async def of_store(
    info: Info, store_id: StoreId, first: First, after: After = None, day: Day = None
) -> Page[CounterSale]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await counter_reports.of_store(
            session, actor=actor, store_id=store, day=day, first=first, cursor=after
        )


async def one(info: Info, id: SaleId) -> CounterSale:
    key = key_of(CounterSale, id, "id")
    async with info.context.read() as session:
        return await counter_reports.visible(session, actor=info.context.actor, counter_sale_id=key)


async def day_of(info: Info, store_id: StoreId, day: Day = None) -> counter_reports.CounterDay:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await counter_reports.day_of(session, actor=actor, store_id=store, day=day)


async def complete(info: Info, input: CounterSaleCompleteInput) -> CounterSaleOutcome:
    return await attempt(
        info,
        CounterSaleOutcome,
        lambda session: counter_sales.complete(session, **_sale(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _sale(info: Info, input: CounterSaleCompleteInput) -> dict[str, Any]:
    cash, reference = input.cash_received_minor, input.terminal_reference
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "scans": [_scan(input, number) for number in range(len(input.lines))],
        "payment": counter_baskets.Payment(input.tender, cash, reference),
    }


def _scan(input: CounterSaleCompleteInput, number: int) -> counter_baskets.Scan:
    line = input.lines[number]
    product_id = key_if_given(Product, line.product_id, "lines", str(number), "productId")
    return counter_baskets.Scan(line.quantity, line.code, product_id, line.grams)


async def void(info: Info, input: CounterSaleVoidInput) -> CounterSaleOutcome:
    return await attempt(
        info,
        CounterSaleOutcome,
        lambda session: counter_sales.void(session, **_undoing(info, input)),
        input=input,
        company_id=of(info, CounterSale, input.counter_sale_id, "counterSaleId"),
    )


def _undoing(info: Info, input: CounterSaleVoidInput) -> dict[str, Any]:
    key = key_of(CounterSale, input.counter_sale_id, "counterSaleId")
    return {"actor": info.context.actor, "counter_sale_id": key, "note": input.note}


async def available_actions(
    parent: strawberry.Parent[CounterSale], info: Info
) -> list[CounterSaleAction]:
    if not info.context.actor.works_at(
        parent.company_id, parent.store_id, counter_sales.MANAGER_ROLES
    ):
        return []
    today = await info.context.loaders.load(load.today_by_store, parent.store_id)
    return [] if today is None else counter_sales.legal(parent, today)
