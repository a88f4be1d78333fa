"""How a product is kept and sold, said by its company's admins."""

from dataclasses import dataclass, field
from typing import Any

from dataloaders import catalog as load
from models.catalog import Product
from models.companies import Company
from resolvers.catalog.inputs import CompanyHeadroomSetInput, ProductHandlingSetInput
from resolvers.context import Info
from resolvers.mutations import attempt, of, widen
from services.catalog import product_handling
from services.catalog.listed_products import Offer
from services.core.problems import key_of


@dataclass
class HandlingOutcome:
    """What a change of a product's handling answers: the product where no store is in question."""

    product: Offer | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class Written:
    """The product's row after the change."""

    row: Product | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class HeadroomOutcome:
    """What a change of the headroom answers."""

    company: Company | None = None
    errors: list[Any] = field(default_factory=list)


async def set_handling(info: Info, input: ProductHandlingSetInput) -> HandlingOutcome:
    company = of(info, Product, input.product_id, "productId")
    done = await attempt(
        info, Written, lambda session: _set(session, info, input), input=input, company_id=company
    )
    if done.row is None:
        return HandlingOutcome(errors=done.errors)
    return HandlingOutcome(await info.context.loaders.load(load.product_by_id, done.row.id))


async def set_headroom(info: Info, input: CompanyHeadroomSetInput) -> HeadroomOutcome:
    async def verb(session: Any) -> Company:
        key = key_of(Company, input.company_id, "companyId")
        company, actor = await widen(session, key), info.context.actor
        return await product_handling.set_headroom(
            session, actor=actor, company_id=company, headroom_bp=input.headroom_bp
        )

    return await attempt(info, HeadroomOutcome, verb, input=input)


async def _set(session: Any, info: Info, input: ProductHandlingSetInput) -> Product:
    return await product_handling.set_handling(
        session,
        actor=info.context.actor,
        product_id=key_of(Product, input.product_id, "productId"),
        handling=input.handling(),
    )
