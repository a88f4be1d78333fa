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
from resolvers.mutations import attempt
from services.carts import carts
from services.carts.carts import Change, WantedLine
from services.carts.priced_carts import PricedCart, priced
from services.catalog.listed_products import Offer
from services.catalog.storefronts import Storefront
from services.core.problems import Refused, key_if_given
from services.stores import coverage
from services.stores.coverage import Serving


@dataclass
class CartOutcome:
    """What `cartLinesSet` answers: the cart, or every reason against the change."""

    cart: PricedCart | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class Written:
    """The cart's row after the change, not yet priced."""

    row: Cart | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Prepared:
    """All that was read before anything is written."""

    serving: Serving
    wanted: list[WantedLine]
    sold: dict[UUID, Offer]


async def set_lines(info: Info, input: CartLinesSetInput) -> CartOutcome:
    try:
        ready = await _prepared(info, input)
    except Refused as refused:
        return CartOutcome(errors=refused.reasons)
    done = await _write(info, input, ready)
    if done.errors:
        return CartOutcome(errors=done.errors)
    return CartOutcome(await mine(info, ready.serving))


async def cart(parent: strawberry.Parent[Storefront], info: Info) -> PricedCart | None:
    if parent.chosen is None or info.context.actor.person_id is None:
        return None
    return await mine(info, parent.chosen)


async def mine(info: Info, serving: Serving) -> PricedCart:
    """The actor's cart at the store's company, priced as in that store."""
    person, company = _me(info), serving.company
    async with info.context.read() as session:
        row, lines = await carts.contents(session, person, company.id)
    offers = await _offers(info, serving.store.id, lines)
    return priced(row, lines, offers, company)


async def _write(info: Info, input: CartLinesSetInput, ready: Prepared) -> Written:
    async def verb(session: AsyncSession) -> Cart:
        person, company = _me(info), ready.serving.company.id
        change = Change(ready.wanted, ready.sold, input.expected_version)
        return await carts.set_lines(session, person_id=person, company_id=company, change=change)

    return await attempt(info, Written, verb, input=input)


async def _prepared(info: Info, input: CartLinesSetInput) -> Prepared:
    carts.check_size(len(input.lines))
    wanted = [line.wanted(nth) for nth, line in enumerate(input.lines)]
    carts.check(wanted)
    chosen = await _serving(info, input)
    return Prepared(chosen, wanted, await _offers(info, chosen.store.id, wanted))


async def _serving(info: Info, input: CartLinesSetInput) -> Serving:
    """The nearest open store that delivers there; refused when there is none."""
    point = input.at.point("input", "at")
    company = key_if_given(Company, input.company_id, "companyId")
    async with info.context.public() as session:
        found = await coverage.coverage(session, point, company_id=company, most=1)
    if not found.serving:
        raise found.refused("input", "at")
    return found.serving[0]


async def _offers(
    info: Info, store_id: UUID, lines: Sequence[CartLine | WantedLine]
) -> dict[UUID, Offer]:
    """What the store offers of the lines' products, in one statement."""
    keys = [(store_id, line.product_id) for line in lines]
    if not keys:
        return {}
    found = await info.context.loaders.batch(load.offer_by_store_and_product, keys)
    return {offer.id: offer for offer in found if isinstance(offer, Offer)}


def _me(info: Info) -> UUID:
    person_id = info.context.actor.person_id
    if person_id is None:
        raise PermissionError("a rule lets nobody but signed-in people come here")
    return person_id
