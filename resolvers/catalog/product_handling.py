"""Resolvers for storage zone and sale by weight of products."""

from dataclasses import dataclass, field
from typing import Any

from dataloaders import catalog as load
from models.catalog import Product
from resolvers.catalog.inputs import ProductUpdateInput
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from services.catalog import product_handling
from services.catalog.listed_products import ListedProduct
from services.core.problems import parse_id


@dataclass
class ProductHandlingOutcome:
    """The outcome of a change of a product's handling: the product outside any store."""

    product: ListedProduct | None = None
    errors: list[Any] = field(default_factory=list)


@dataclass
class ProductWriteOutcome:
    """The product row after the change."""

    row: Product | None = None
    errors: list[Any] = field(default_factory=list)


async def set_handling(info: Info, input: ProductUpdateInput) -> ProductHandlingOutcome:
    async def operation(session: Any) -> Product:
        return await _set_handling(session, info, input)

    lookup = company_of(info, Product, input.product_id, "productId")
    options: Any = {"input": input, "company_id": lookup}
    written = await run_mutation(info, ProductWriteOutcome, operation, **options)
    if written.row is None:
        return ProductHandlingOutcome(errors=written.errors)
    product = await info.context.loaders.load(load.product_by_id, written.row.id)
    return ProductHandlingOutcome(product)


async def _set_handling(session: Any, info: Info, input: ProductUpdateInput) -> Product:
    return await product_handling.set_handling(
        session,
        actor=info.context.actor,
        product_id=parse_id(Product, input.product_id, "productId"),
        handling=input.to_handling(),
    )
