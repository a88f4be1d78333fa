from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import catalog as load
from models.carts import Cart, CartLine
from models.companies import Company
from resolvers.carts.inputs import CartLinesSetInput
from resolvers.context import Info
from resolvers.mutations import run_mutation
from services.carts import carts
from services.carts.carts import CartChange, CartLineChange
from services.carts.priced_carts import PricedCart, price_cart
from services.catalog.listed_products import ListedProduct
from services.catalog.storefronts import Storefront
from services.core.problems import DomainError, parse_optional_id
from services.stores import coverage
from services.stores.coverage import ServingStore


@dataclass
class CartOutcome:
    """The outcome of `cartLinesSet`: the cart, or the errors."""

    cart: PricedCart | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class CartWriteOutcome:
    """The cart row after the change, not yet priced."""

    row: Cart | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class CartChangeInputs:
    """The data that is read before the change is written."""

    serving: ServingStore
    changes: list[CartLineChange]
    products: dict[UUID, ListedProduct]


async def set_lines(info: Info, input: CartLinesSetInput) -> CartOutcome:
    try:
        inputs = await _read_inputs(info, input)
    except DomainError as error:
        return CartOutcome(errors=error.problems)
    written = await _write(info, input, inputs)
    if written.errors:
        return CartOutcome(errors=written.errors)
    return CartOutcome(await cart_for_store(info, inputs.serving))


async def cart(parent: strawberry.Parent[Storefront], info: Info) -> PricedCart | None:
    if parent.serving_store is None or info.context.actor.person_id is None:
        return None
    return await cart_for_store(info, parent.serving_store)


async def cart_for_store(info: Info, serving: ServingStore) -> PricedCart:
    """Return the actor's cart at the store's company, priced for that store."""
    person, company = _me(info), serving.company
    async with info.context.read() as session:
        row, lines = await carts.load_contents(session, person, company.id)
    products = await _listed_products(info, serving.store.id, lines)
    pickup_enabled = serving.store.pickup_enabled
    return price_cart(row, lines, products, company, pickup_enabled=pickup_enabled)


async def _write(
    info: Info, input: CartLinesSetInput, inputs: CartChangeInputs
) -> CartWriteOutcome:
    async def operation(session: AsyncSession) -> Cart:
        person, company = _me(info), inputs.serving.company.id
        change = CartChange(inputs.changes, inputs.products, input.expected_version)
        return await carts.set_lines(session, person_id=person, company_id=company, change=change)

    return await run_mutation(info, CartWriteOutcome, operation, input=input)


async def _read_inputs(info: Info, input: CartLinesSetInput) -> CartChangeInputs:
    carts.validate_line_count(len(input.lines))
    changes = [line.to_line_change(index) for index, line in enumerate(input.lines)]
    carts.validate_lines(changes)
    serving = await _serving_store(info, input)
    products = await _listed_products(info, serving.store.id, changes)
    return CartChangeInputs(serving, changes, products)


async def _serving_store(info: Info, input: CartLinesSetInput) -> ServingStore:
    """Return the nearest open store that delivers there. Raises DomainError: NotServiceable."""
    point = input.location.to_point("input", "location")
    company = parse_optional_id(Company, input.company_id, "companyId")
    async with info.context.read_public() as session:
        store_coverage = await coverage.find_coverage(session, point, company_id=company, limit=1)
    if not store_coverage.serving_stores:
        raise store_coverage.not_serviceable_error("input", "location")
    return store_coverage.serving_stores[0]


async def _listed_products(
    info: Info, store_id: UUID, lines: Sequence[CartLine | CartLineChange]
) -> dict[UUID, ListedProduct]:
    """Return the store's products of the lines by id, loaded in one batch."""
    keys = [(store_id, line.product_id) for line in lines]
    if not keys:
        return {}
    products = await info.context.loaders.load_many(load.product_by_store_and_id, keys)
    return {product.id: product for product in products if isinstance(product, ListedProduct)}


def _me(info: Info) -> UUID:
    person_id = info.context.actor.person_id
    if person_id is None:
        raise PermissionError("the access rule requires a signed-in person")
    return person_id
