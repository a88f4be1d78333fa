"""Totals of a company's stock over all its stores, by product."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor, Role
from models.stock import StockLevel
from services.catalog.code_lookup import has_code
from services.catalog.search_text import MAX_QUERY_LENGTH, names_match
from services.core.access import COMPANY_ROLES
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_line


@dataclass(frozen=True, slots=True)
class CompanyStockLevel:
    """A product's units in all stores."""

    product_id: UUID
    company_id: UUID
    on_hand: int
    reserved: int
    available: int
    incoming: int
    unsellable: int


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


TOTALS = (
    _sum(StockLevel.on_hand),
    _sum(StockLevel.reserved),
    _sum(StockLevel.on_hand - StockLevel.reserved),
    _sum(StockLevel.incoming),
    _sum(StockLevel.unsellable),
)


async def list_of_company(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID | None,
    search: str,
    first: int,
    cursor: str | None,
) -> Page[CompanyStockLevel]:
    """A page of products with their totals over all stores, in the order of product ids.

    One statement for any number of stores. `search` is a part of a name, or a whole code or
    barcode. Only super admins may leave the company out. Raises DomainError: NotFound,
    InvalidInput.
    """
    check_page_size(first)
    products = select(Product.id, Product.company_id).order_by(Product.id)
    if company_id is not None:
        if not actor.has_company_role(company_id, COMPANY_ROLES):
            raise not_found(Company, "companyId")
        products = products.where(Product.company_id == company_id)
    elif Role.SUPER_ADMIN not in actor.roles:
        raise DomainError(InvalidInput(path=["companyId"], message="Name your company."))
    if (start := decode_cursor(cursor, Product.id)) is not None:
        products = products.where(Product.id > start[0])
    if words := parse_line(search, "search", max_length=MAX_QUERY_LENGTH):
        is_code = has_code(words, company_id)
        matches = or_(is_code, names_match(Product.search, words))
        products = products.where(matches)
    listed = products.limit(first + 1).subquery()
    totals = await session.execute(
        select(listed.c.id, listed.c.company_id, *TOTALS)
        .outerjoin(StockLevel, StockLevel.product_id == listed.c.id)
        .group_by(listed.c.id, listed.c.company_id)
        .order_by(listed.c.id)
    )
    rows = [CompanyStockLevel(*columns) for columns in totals]
    return build_page(rows, first, cursor, lambda row: (str(row.product_id),))
