"""Suppliers of a company and their products, for its managers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.purchasing import Supplier, SupplierProduct
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation, widen_scope
from resolvers.purchasing.inputs import (
    SupplierArchiveInput,
    SupplierCreateInput,
    SupplierProductsSetInput,
    SupplierRestoreInput,
    SupplierUpdateInput,
)
from services.core.pages import Page
from services.core.problems import not_found, parse_id
from services.purchasing import supplier_products, suppliers

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company.")]
SupplierId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="Number of rows, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
SupplierSearch = Annotated[
    str,
    strawberry.argument(
        description="Words of a name, the last one may be cut, or a complete code."
    ),
]
ProductSearch = Annotated[
    str,
    strawberry.argument(
        description="Words of a product's name, the last one may be cut, or its complete code or"
        " article number."
    ),
]
Archived = Annotated[
    bool, strawberry.argument(description="Archived suppliers instead of active ones.")
]


@dataclass
class SupplierOutcome:
    """Result of a supplier mutation: the supplier, or the problems."""

    supplier: Supplier | None = None
    errors: list[Any] = field(default_factory=list)


async def get_supplier(info: Info, id: SupplierId) -> Supplier:
    key = parse_id(Supplier, id, "id")
    async with info.context.read() as session:
        return await suppliers.visible_supplier(session, actor=info.context.actor, supplier_id=key)


async def list_of_company(
    info: Info,
    company_id: CompanyId,
    first: First,
    after: After = None,
    search: SupplierSearch = "",
    archived: Archived = False,
) -> Page[Supplier]:
    actor, company = info.context.actor, parse_id(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await suppliers.list_of_company(
            session, actor=actor, company_id=company, first=first, cursor=after, search=search,
            archived=archived,
        )  # fmt: skip


async def list_products(
    info: Info,
    supplier_id: SupplierId,
    first: First,
    after: After = None,
    search: ProductSearch = "",
) -> Page[SupplierProduct]:
    actor, supplier = info.context.actor, parse_id(Supplier, supplier_id, "supplierId")
    async with info.context.read() as session:
        return await supplier_products.list_of_supplier(
            session, actor=actor, supplier_id=supplier, first=first, cursor=after, search=search
        )


async def create(info: Info, input: SupplierCreateInput) -> SupplierOutcome:
    return await run_mutation(
        info,
        SupplierOutcome,
        lambda session: suppliers.create(session, **_create_arguments(info, input)),
        input=input,
        company_id=_company_lookup(info, input.company_id),
    )


async def update(info: Info, input: SupplierUpdateInput) -> SupplierOutcome:
    domains = info.context.container.email_domains
    arguments: Any = {"changes": input.to_changes(), "email_domains": domains}
    return await _change(info, input, partial(suppliers.update, **arguments))


async def archive(info: Info, input: SupplierArchiveInput) -> SupplierOutcome:
    return await _change(info, input, suppliers.archive)


async def restore(info: Info, input: SupplierRestoreInput) -> SupplierOutcome:
    return await _change(info, input, suppliers.restore)


async def set_products(info: Info, input: SupplierProductsSetInput) -> SupplierOutcome:
    return await run_mutation(
        info,
        SupplierOutcome,
        lambda session: supplier_products.set_products(session, **_product_arguments(info, input)),
        input=input,
        company_id=company_of(info, Supplier, input.supplier_id, "supplierId"),
    )


def _company_lookup(info: Info, id: str) -> Any:
    """A lookup that widens the session's scope to a company in which the actor is a manager."""

    async def lookup(session: AsyncSession) -> UUID:
        key = parse_id(Company, id, "companyId")
        if not suppliers.may_manage_suppliers(info.context.actor, key):
            raise not_found(Company, "companyId")
        return await widen_scope(session, key)

    return lookup


async def _change(info: Info, input: Any, command: Callable[..., Any]) -> SupplierOutcome:
    """Run a command on the supplier of the input, in the scope of its company."""
    return await run_mutation(
        info,
        SupplierOutcome,
        lambda session: command(session, **_supplier_arguments(info, input)),
        input=input,
        company_id=company_of(info, Supplier, input.supplier_id, "supplierId"),
    )


def _create_arguments(info: Info, input: SupplierCreateInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": parse_id(Company, input.company_id, "companyId"),
        "details": input.to_details(),
        "email_domains": info.context.container.email_domains,
    }


def _supplier_arguments(info: Info, input: Any) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "supplier_id": parse_id(Supplier, input.supplier_id, "supplierId"),
        "expected_version": input.expected_version,
    }


def _product_arguments(info: Info, input: SupplierProductsSetInput) -> dict[str, Any]:
    removed = [
        parse_id(Product, product_id, "removedProductIds", str(n))
        for n, product_id in enumerate(input.removed_product_ids)
    ]
    return {**_supplier_arguments(info, input), "terms": input.to_terms(), "removed": removed}
