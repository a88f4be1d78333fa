from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dataloaders import catalog as load
from models.catalog import Listing, Product
from models.stores import Store
from resolvers.catalog.inputs import ListingAvailabilitySetInput, ListingPriceSetInput
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from services.catalog import listings
from services.catalog.listed_products import ListedProduct
from services.core.problems import parse_id

ListingInput = ListingAvailabilitySetInput | ListingPriceSetInput


@dataclass
class ListingOutcome:
    """The outcome of a change of a listing: the product as the store now lists it."""

    product: ListedProduct | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ListingWriteOutcome:
    """The listing row after the change."""

    row: Listing | None = None
    errors: list[Any] = field(default_factory=list)


async def set_availability(info: Info, input: ListingAvailabilitySetInput) -> ListingOutcome:
    async def operation(session: Any) -> Listing:
        arguments = {**_target(info, input), "available": input.published}
        return await listings.set_availability(session, **arguments)

    return await _run(info, input, operation)


async def set_price(info: Info, input: ListingPriceSetInput) -> ListingOutcome:
    async def operation(session: Any) -> Listing:
        arguments = {**_target(info, input), "price_minor": input.price_minor}
        return await listings.set_price(session, **arguments)

    return await _run(info, input, operation)


async def _run(info: Info, input: ListingInput, operation: Any) -> ListingOutcome:
    company = company_of(info, Store, input.store_id, "storeId")
    written = await run_mutation(
        info, ListingWriteOutcome, operation, input=input, company_id=company
    )
    if written.errors:
        return ListingOutcome(errors=written.errors)
    product = await info.context.loaders.load(load.product_by_store_and_id, _key(input))
    return ListingOutcome(product)


def _target(info: Info, input: ListingInput) -> dict[str, Any]:
    store_id, product_id = _key(input)
    version = input.expected_version
    arguments = {"store_id": store_id, "product_id": product_id, "expected_version": version}
    return {"actor": info.context.actor, **arguments}


def _key(input: ListingInput) -> tuple[UUID, UUID]:
    store_id = parse_id(Store, input.store_id, "storeId")
    return store_id, parse_id(Product, input.product_id, "productId")
