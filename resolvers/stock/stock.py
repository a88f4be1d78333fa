"""A store's stock and its ledger, for the staff of the store."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import stock as load
from models.catalog import Product
from models.stock import StockLevel, StockMovement
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.stock.inputs import StockAdjustInput
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id
from services.stock import adjustments, stock_queries, stock_rows

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Search = Annotated[
    str,
    strawberry.argument(
        description="Words of a product's name, the last one may be cut, or its complete code or"
        " barcode."
    ),
]
AtMost = Annotated[
    int | None,
    strawberry.argument(description="Only products with at most this number of available units."),
]
OfProduct = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only changes of this product.")
]


@dataclass
class StockAdjustOutcome:
    """Result of `stockAdjust`: the new ledger row, or the errors."""

    stock_movement: StockMovement | None = None
    errors: list[Any] = field(default_factory=list)


async def list_of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    search: Search = "",
    max_available: AtMost = None,
) -> Page[StockLevel]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await stock_queries.list_of_store(
            session, actor=actor, store_id=store, first=first, cursor=after, search=search,
            max_available=max_available,
        )  # fmt: skip


async def list_movements(
    info: Info,
    store_id: StoreId,
    first: First,
    product_id: OfProduct = None,
    after: After = None,
) -> Page[StockMovement]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    product = parse_optional_id(Product, product_id, "productId")
    async with info.context.read() as session:
        return await stock_queries.list_movements(
            session, actor=actor, store_id=store, product_id=product, first=first, cursor=after
        )


async def adjust(info: Info, input: StockAdjustInput) -> StockAdjustOutcome:
    return await run_mutation(
        info,
        StockAdjustOutcome,
        lambda session: adjustments.adjust(session, **_adjust_args(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _adjust_args(info: Info, input: StockAdjustInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "product_id": parse_id(Product, input.product_id, "productId"),
        "adjustment": input.to_adjustment(),
        "reason": input.reason,
        "note": input.note,
    }


async def stock_of_entry(parent: strawberry.Parent[Any], info: Info) -> StockLevel | None:
    """The current stock row of a ledger row."""
    entry = parent.stock_movement
    if entry is None:
        return None
    return await info.context.loaders.load(
        load.stock_by_store_and_product, (entry.store_id, entry.product_id)
    )


def available_units(parent: strawberry.Parent[StockLevel], info: Info) -> int:
    return stock_rows.available_units(parent)
