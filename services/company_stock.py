"""What a company has of its products in all its stores together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Actor, Company, Product, Role, Stock
from services.page import Page, after, bounded, page
from services.refusal import InvalidInput, Refused, not_found
from services.text import line

SEARCH_LENGTH = 100
COMPANY_ROLES = frozenset({Role.COMPANY_ADMIN, Role.SUPER_ADMIN})


@dataclass(frozen=True, slots=True)
class ProductStock:
    """A product's shelves, one of each store that has a row for it."""

    product_id: UUID
    company_id: UUID
    shelves: Sequence[Stock]

    @property
    def on_hand(self) -> int:
        return sum(row.on_hand for row in self.shelves)

    @property
    def held(self) -> int:
        return sum(row.held for row in self.shelves)

    @property
    def available(self) -> int:
        return self.on_hand - self.held

    @property
    def incoming(self) -> int:
        return sum(row.incoming for row in self.shelves)

    @property
    def damaged(self) -> int:
        return sum(row.damaged for row in self.shelves)


async def listed(
    session: AsyncSession,
    *,
    actor: Actor,
    company_id: UUID | None,
    search: str,
    first: int,
    cursor: str | None,
) -> Page[ProductStock]:
    """A page of products with their shelves in every store, in the order of the products' keys.

    Two statements, however many stores. `search` is a part of a name, or a whole code or barcode.
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
    products = (await session.execute(rows.limit(first + 1))).all()
    shelves = await _shelves(session, [key for key, _ in products[:first]])
    found = [ProductStock(key, company, shelves[key]) for key, company in products]
    return page(found, first, lambda row: (str(row.product_id),))


async def _shelves(session: AsyncSession, keys: Sequence[UUID]) -> dict[UUID, list[Stock]]:
    rows = await session.scalars(
        select(Stock).where(Stock.product_id.in_(keys)).order_by(Stock.product_id, Stock.store_id)
    )
    found: defaultdict[UUID, list[Stock]] = defaultdict(list)
    for row in rows:
        found[row.product_id].append(row)
    return found
