"""The planned prices of a store."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.catalog import PriceChange, PriceChangeAction, PriceChangeStatus, Product
from models.stores import Store
from resolvers.catalog.inputs import ListingPriceCancelInput, ListingPriceScheduleInput
from resolvers.context import Info
from resolvers.mutations import attempt, of
from services.catalog import scheduled_prices
from services.core.pages import Page
from services.core.problems import key_if_given, key_of

StoreId = Annotated[strawberry.ID, strawberry.argument(description="The store: one of yours.")]
ProductId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only prices of this product.")
]
Status = Annotated[
    PriceChangeStatus | None, strawberry.argument(description="Only those that stand so.")
]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class PriceChangeOutcome:
    """What the writes of planned prices answer: the row as it is now, or every reason against."""

    price_change: PriceChange | None = None
    errors: list[Any] = field(default_factory=list)


async def of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    product_id: ProductId = None,
    status: Status = None,
) -> Page[PriceChange]:
    actor, store = info.context.actor, key_of(Store, store_id, "storeId")
    only = key_if_given(Product, product_id, "productId")
    async with info.context.read() as session:
        return await scheduled_prices.of_store(
            session, actor=actor, store_id=store, product_id=only, status=status, first=first,
            cursor=after,
        )  # fmt: skip


async def schedule(info: Info, input: ListingPriceScheduleInput) -> PriceChangeOutcome:
    return await attempt(
        info,
        PriceChangeOutcome,
        lambda session: scheduled_prices.schedule(session, **_plan(info, input)),
        input=input,
        company_id=of(info, Store, input.store_id, "storeId"),
    )


def _plan(info: Info, input: ListingPriceScheduleInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": key_of(Store, input.store_id, "storeId"),
        "product_id": key_of(Product, input.product_id, "productId"),
        "plan": scheduled_prices.Plan(input.price_minor, input.starts_at, input.ends_at),
    }


async def cancel(info: Info, input: ListingPriceCancelInput) -> PriceChangeOutcome:
    key = input.price_change_id
    return await attempt(
        info,
        PriceChangeOutcome,
        lambda session: scheduled_prices.cancel(
            session, actor=info.context.actor, price_change_id=key_of(PriceChange, key)
        ),
        input=input,
        company_id=of(info, PriceChange, key, "priceChangeId"),
    )


def available_actions(
    parent: strawberry.Parent[PriceChange], info: Info
) -> list[PriceChangeAction]:
    return scheduled_prices.available_actions(parent, info.context.actor)
