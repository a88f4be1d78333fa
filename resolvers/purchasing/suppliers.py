"""Suppliers of a company and what they sell, for its managers."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.purchasing import Supplier, SupplierProduct
from resolvers.context import Info
from resolvers.mutations import attempt, of, widen
from resolvers.purchasing.inputs import (
    SupplierArchiveInput,
    SupplierProductsSetInput,
    SupplierSaveInput,
)
from services.core.pages import Page
from services.core.problems import key_if_given, key_of, not_found
from services.purchasing import supplier_products, suppliers

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="Your company.")]
SupplierId = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to continue after.")]
Name = Annotated[str, strawberry.argument(description="Part of a name, or a whole code.")]
Word = Annotated[
    str,
    strawberry.argument(description="Part of a product's name, or its whole code or number."),
]
Archived = Annotated[bool, strawberry.argument(description="The archived ones instead.")]


@dataclass
class SupplierOutcome:
    """What a change of a supplier answers."""

    supplier: Supplier | None = None
    errors: list[Any] = field(default_factory=list)


async def one(info: Info, id: SupplierId) -> Supplier:
    key = key_of(Supplier, id, "id")
    async with info.context.read() as session:
        return await suppliers.visible(session, actor=info.context.actor, supplier_id=key)


async def listed(
    info: Info,
    company_id: CompanyId,
    first: First,
    after: After = None,
    search: Name = "",
    archived: Archived = False,
) -> Page[Supplier]:
    actor, company = info.context.actor, key_of(Company, company_id, "companyId")
    async with info.context.read() as session:
        return await suppliers.listed(
            session, actor=actor, company_id=company, first=first, cursor=after, search=search,
            archived=archived,
        )  # fmt: skip


async def products(
    info: Info, supplier_id: SupplierId, first: First, after: After = None, search: Word = ""
) -> Page[SupplierProduct]:
    actor, supplier = info.context.actor, key_of(Supplier, supplier_id, "supplierId")
    async with info.context.read() as session:
        return await supplier_products.listed(
            session, actor=actor, supplier_id=supplier, first=first, cursor=after, search=search
        )


async def save(info: Info, input: SupplierSaveInput) -> SupplierOutcome:
    return await attempt(
        info,
        SupplierOutcome,
        lambda session: suppliers.save(session, **_saved(info, input)),
        input=input,
        company_id=_company(info, input.company_id),
    )


async def archive(info: Info, input: SupplierArchiveInput) -> SupplierOutcome:
    return await attempt(
        info,
        SupplierOutcome,
        lambda session: suppliers.archive(session, archived=input.archived, **_aim(info, input)),
        input=input,
        company_id=of(info, Supplier, input.supplier_id, "supplierId"),
    )


async def set_products(info: Info, input: SupplierProductsSetInput) -> SupplierOutcome:
    return await attempt(
        info,
        SupplierOutcome,
        lambda session: supplier_products.set_products(session, **_products(info, input)),
        input=input,
        company_id=of(info, Supplier, input.supplier_id, "supplierId"),
    )


def _company(info: Info, id: str) -> Any:
    """A look-up of a company that the actor manages in, which widens the scope to it."""

    async def look_up(session: AsyncSession) -> UUID:
        key = key_of(Company, id, "companyId")
        if not suppliers.manages(info.context.actor, key):
            raise not_found(Company, "companyId")
        return await widen(session, key)

    return look_up


def _saved(info: Info, input: SupplierSaveInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "company_id": key_of(Company, input.company_id, "companyId"),
        "supplier_id": key_if_given(Supplier, input.supplier_id, "supplierId"),
        "facts": input.facts(),
        "expected_version": input.expected_version,
    }


def _aim(info: Info, input: SupplierArchiveInput | SupplierProductsSetInput) -> dict[str, Any]:
    return {
        "actor": info.context.actor,
        "supplier_id": key_of(Supplier, input.supplier_id, "supplierId"),
        "expected_version": input.expected_version,
    }


def _products(info: Info, input: SupplierProductsSetInput) -> dict[str, Any]:
    removed = [
        key_of(Product, one, "removedProductIds", str(n))
        for n, one in enumerate(input.removed_product_ids)
    ]
    return {**_aim(info, input), "terms": input.terms(), "removed": removed}
