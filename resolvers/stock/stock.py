"""What a store has on the shelf, for its staff."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from dataloaders import stock as load
from models.catalog import Product
from models.stock import Stock, StockEntry
from models.stores import Store
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.stock.inputs import StockAdjustInput
from services.core.pages import Page
from services.core.problems import key_if_given, key_of
from services.stock import adjustments, stock_rows

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Search = Annotated[
    str,
    strawberry.argument(description="Part of a product's name, or its whole code or barcode."),
]
AtMost = Annotated[
    int | None,
    strawberry.argument(description="Only rows with this many units available, or fewer."),
]
OfProduct = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only changes of this product.")
]


@dataclass
class StockOutcome:
    """What `stockAdjust` answers: the ledger's new entry, or every reason against it."""

    entry: StockEntry | None = None
    errors: list[Any] = field(default_factory=list)


async def of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    search: Search = "",
    at_most: AtMost = None,
) -> Page[Stock]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    async with info.context.read() as session:
        return await adjustments.shelves(
            session, actor=actor, store_id=store, first=first, cursor=after, search=search,
            at_most=at_most,
        )  # fmt: skip


async def ledger(
    info: Info,
    store_id: StoreId,
    first: First,
    product_id: OfProduct = None,
    after: After = None,
) -> Page[StockEntry]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    product = key_if_given(Product, product_id, "productId")
    async with info.context.read() as session:
        return await adjustments.ledger(
            session, actor=actor, store_id=store, product_id=product, first=first, cursor=after
        )


async def adjust(info: Info, input: StockAdjustInput) -> StockOutcome:
    return await attempt(
        info,
        StockOutcome,
        lambda session: adjustments.adjust(session, **_adjustment(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _adjustment(info: Info, input: StockAdjustInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "product_id": key_of(Product, input.product_id, "productId"),
        "count": input.count(),
        "reason": input.reason,
        "note": input.note,
    }


async def of_entry(parent: strawberry.Parent[Any], info: Info) -> Stock | None:
    """The shelf that an entry speaks of, as it is now."""
    entry = parent.entry
    if entry is None:
        return None
    return await info.context.loaders.load(load.stock_by_place, (entry.store_id, entry.product_id))


def available(parent: strawberry.Parent[Stock], info: Info) -> int:
    return stock_rows.available(parent)
