"""Resolvers for the scheduled prices of a store."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from models.catalog import Product, ScheduledPrice, ScheduledPriceAction, ScheduledPriceStatus
from models.stores import Store
from resolvers.catalog.inputs import ListingPriceScheduleInput, ScheduledPriceCancelInput
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from services.catalog import price_change_states, scheduled_prices
from services.core.pages import Page
from services.core.problems import parse_id, parse_optional_id

StoreId = Annotated[
    strawberry.ID, strawberry.argument(description="A store in which the caller works.")
]
ProductId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only prices of this product.")
]
Status = Annotated[
    ScheduledPriceStatus | None, strawberry.argument(description="Only these statuses.")
]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]


@dataclass
class PriceChangeOutcome:
    """The outcome of a change of a scheduled price: the row as it is now, or the errors."""

    scheduled_price: ScheduledPrice | None = None
    errors: list[Any] = field(default_factory=list)


async def list_of_store(
    info: Info,
    store_id: StoreId,
    first: First,
    after: After = None,
    product_id: ProductId = None,
    status: Status = None,
) -> Page[ScheduledPrice]:
    actor, store = info.context.actor, parse_id(Store, store_id, "storeId")
    only = parse_optional_id(Product, product_id, "productId")
    async with info.context.read() as session:
        return await scheduled_prices.list_of_store(
            session, actor=actor, store_id=store, product_id=only, status=status, first=first,
            cursor=after,
        )  # fmt: skip


async def schedule(info: Info, input: ListingPriceScheduleInput) -> PriceChangeOutcome:
    return await run_mutation(
        info,
        PriceChangeOutcome,
        lambda session: scheduled_prices.schedule(session, **_schedule_arguments(info, input)),
        input=input,
        company_id=company_of(info, Store, input.store_id, "storeId"),
    )


def _schedule_arguments(info: Info, input: ListingPriceScheduleInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "store_id": parse_id(Store, input.store_id, "storeId"),
        "product_id": parse_id(Product, input.product_id, "productId"),
        "price_schedule": scheduled_prices.PriceSchedule(
            input.price_minor, input.starts_at, input.ends_at
        ),
    }


async def cancel(info: Info, input: ScheduledPriceCancelInput) -> PriceChangeOutcome:
    key = input.scheduled_price_id
    return await run_mutation(
        info,
        PriceChangeOutcome,
        lambda session: scheduled_prices.cancel(
            session, actor=info.context.actor, price_change_id=parse_id(ScheduledPrice, key)
        ),
        input=input,
        company_id=company_of(info, ScheduledPrice, key, "scheduledPriceId"),
    )


def available_actions(
    parent: strawberry.Parent[ScheduledPrice], info: Info
) -> list[ScheduledPriceAction]:
    return price_change_states.MACHINE.available_actions(parent, info.context.actor)
