"""What a company has of its products in all its stores together."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor, Role
from models.stock import Stock
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, Refused, not_found
from services.core.text import line

SEARCH_LENGTH = 100
COMPANY_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})


@dataclass(frozen=True, slots=True)
class ProductStock:
    """A product's units in all stores that have a row for it."""

    product_id: UUID
    company_id: UUID
    on_hand: int
    held: int
    available: int
    incoming: int
    damaged: int


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


TOTALS = (
    _sum(Stock.on_hand),
    _sum(Stock.held),
    _sum(Stock.on_hand - Stock.held),
    _sum(Stock.incoming),
    _sum(Stock.damaged),
)


async def listed(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID | None,
    search: str,
    first: int,
    cursor: str | None,
) -> Page[ProductStock]:
    """A page of products with their totals over all stores, in the order of the products' keys.

    One statement, however many stores. `search` is a part of a name, or a whole code or barcode.
    Only super admins may leave the company out. Refused: NotFound, InvalidInput.
    """
    bounded(first)
    rows = select(Product.id, Product.company_id).order_by(Product.id)
    if company_id is not None:
        if not actor.acts_for(company_id, COMPANY_ROLES):
            raise not_found(Company, "companyId")
        rows = rows.where(Product.company_id == company_id)
    elif Role.SUPER_ADMIN not in actor.roles:
        raise Refused(InvalidInput(path=["companyId"], message="Name your company."))
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(Product.id > start[0])
    if word := line(search, "search", most=SEARCH_LENGTH):
        is_it = or_(Product.code == word, Product.barcode == word)
        rows = rows.where(or_(is_it, Product.name.icontains(word, autoescape=True)))
    chosen = rows.limit(first + 1).subquery()
    totals = await session.execute(
        select(chosen.c.id, chosen.c.company_id, *TOTALS)
        .outerjoin(Stock, Stock.product_id == chosen.c.id)
        .group_by(chosen.c.id, chosen.c.company_id)
        .order_by(chosen.c.id)
    )
    found = [ProductStock(*row) for row in totals]
    return page(found, first, lambda row: (str(row.product_id),))
