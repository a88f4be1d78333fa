from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dataloaders import catalog as load
from models.catalog import Listing, Product
from models.stores import Store
from resolvers.catalog.inputs import ListingSetAvailabilityInput, ListingSetPriceInput
from resolvers.context import Info
from resolvers.mutations import attempt, of
from services.catalog import listings
from services.catalog.listed_products import Offer
from services.core.problems import key_of

Change = ListingSetAvailabilityInput | ListingSetPriceInput


@dataclass
class ListingOutcome:
    """What a change of a listing answers: the product as the store now offers it."""

    product: Offer | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class Written:
    """The listing's row after the change."""

    row: Listing | None = None
    errors: list[Any] = field(default_factory=list)


async def set_availability(info: Info, input: ListingSetAvailabilityInput) -> ListingOutcome:
    async def verb(session: Any) -> Listing:
        change = {**_aim(info, input), "available": input.available}
        return await listings.set_availability(session, **change)

    return await _change(info, input, verb)


async def set_price(info: Info, input: ListingSetPriceInput) -> ListingOutcome:
    async def verb(session: Any) -> Listing:
        change = {**_aim(info, input), "price_minor": input.price_minor}
        return await listings.set_price(session, **change)

    return await _change(info, input, verb)


async def _change(info: Info, input: Change, verb: Any) -> ListingOutcome:
    company = of(info, Store, input.store_id, "storeId")
    done = await attempt(info, Written, verb, input=input, company_id=company)
    if done.errors:
        return ListingOutcome(errors=done.errors)
    offer = await info.context.loaders.load(load.offer_by_store_and_product, _key(input))
    return ListingOutcome(offer)


def _aim(info: Info, input: Change) -> dict[str, Any]:
    store_id, product_id = _key(input)
    version = input.expected_version
    named = {"store_id": store_id, "product_id": product_id, "expected_version": version}
    return {"actor": info.context.actor, **named}


def _key(input: Change) -> tuple[UUID, UUID]:
    store_id = key_of(Store, input.store_id, "storeId")
    return store_id, key_of(Product, input.product_id, "productId")
