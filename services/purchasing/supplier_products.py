"""What a supplier sells to a company: packs, their cost, and who is preferred for a product."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor
from models.purchasing import Supplier, SupplierProduct
from services.core.pages import Page, after, bounded, page
from services.core.problems import InvalidInput, NotFound, Problem, Refused
from services.core.text import line
from services.purchasing import suppliers

SET_PRODUCTS = 200
PRODUCTS_A_SUPPLIER = 10_000
PACK_MOST_UNITS = 10_000
PACK_COST_MOST_MINOR = 10**10
SKU_LENGTH = 60
SEARCH_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a supplier asks for a pack of one product, in minor units of its own currency."""

    product_id: UUID
    sku: str = ""
    pack_cost_minor: int
    pack_units: int = 1
    lead_days: int | None = None
    preferred: bool = False


async def set_products(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    terms: Sequence[Terms],
    removed: Collection[UUID],
    expected_version: int,
) -> Supplier:
    """Set the terms of some products, and take others out of what the supplier sells.

    Whatever is not named stays. A product preferred here is preferred nowhere else any more.
    Refused: NotFound (a path for each foreign product), InvalidInput, VersionConflict.
    """
    _bounded(terms, removed)
    row = await suppliers.locked(session, actor, supplier_id)
    suppliers.unchanged(row, expected_version)
    _sound(terms)
    wanted = {one.product_id: one for one in terms}
    await _ours(session, row, list(wanted))
    if preferred := [one.product_id for one in terms if one.preferred]:
        await _prefer_nobody(session, row, preferred)
    sold = await terms_of(session, row.id, [*wanted, *removed])
    for product_id in removed:
        if product_id in sold:
            await session.delete(sold[product_id])
    for product_id, one in wanted.items():
        session.add(_set(sold.get(product_id) or _begun(row, product_id), one))
    row.version += 1
    await session.flush()
    await _not_too_many(session, row)
    return row


def _bounded(terms: Sequence[Terms], removed: Collection[UUID]) -> None:
    if not 1 <= len(terms) + len(removed) <= SET_PRODUCTS:
        message = f"From 1 to {SET_PRODUCTS} products are set or removed at once."
        raise Refused(_invalid(["products"], message))
    named = [*(one.product_id for one in terms), *removed]
    if len(set(named)) < len(named):
        raise Refused(_invalid(["products"], "A product is named once, to be set or removed."))


def _sound(terms: Sequence[Terms]) -> None:
    """Refused with every reason against these terms at once."""
    reasons = [reason for index, one in enumerate(terms) for reason in _against(one, str(index))]
    if reasons:
        raise Refused(*reasons)


def _begun(row: Supplier, product_id: UUID) -> SupplierProduct:
    return SupplierProduct(
        supplier_id=row.id,
        product_id=product_id,
        company_id=row.company_id,
        currency=row.currency,
    )


def _set(sold: SupplierProduct, terms: Terms) -> SupplierProduct:
    sold.sku = terms.sku.strip()
    sold.pack_cost_minor = terms.pack_cost_minor
    sold.pack_units = terms.pack_units
    sold.lead_days = terms.lead_days
    sold.preferred = terms.preferred
    return sold


def _against(one: Terms, index: str) -> list[Problem]:
    bounds = (
        ("packCostMinor", one.pack_cost_minor, 0, PACK_COST_MOST_MINOR),
        ("packUnits", one.pack_units, 1, PACK_MOST_UNITS),
        ("leadDays", one.lead_days, 0, suppliers.LEAD_MOST_DAYS),
    )
    reasons: list[Problem] = [
        _invalid(["products", index, field], f"This is from {least} to {most}.")
        for field, value, least, most in bounds
        if value is not None and not least <= value <= most
    ]
    try:
        line(one.sku, "input", "products", index, "sku", most=SKU_LENGTH)
    except Refused as refused:
        reasons += refused.reasons
    return reasons


async def _ours(session: AsyncSession, row: Supplier, product_ids: Sequence[UUID]) -> None:
    """Refused with one NotFound for each product that is not the company's."""
    found = await session.scalars(
        select(Product.id).where(Product.id.in_(product_ids), Product.company_id == row.company_id)
    )
    known = set(found)
    if missing := [n for n, key in enumerate(product_ids) if key not in known]:
        raise Refused(*(_no_product("products", str(index)) for index in missing))


def _no_product(*path: str) -> NotFound:
    return NotFound(path=["input", *path, "productId"], message="There is no such product.")


async def _prefer_nobody(session: AsyncSession, row: Supplier, product_ids: Sequence[UUID]) -> None:
    """Take the preference for these products from whoever has it.

    One at a time in a company: two managers who prefer two suppliers for one product must not
    wait for each other in a circle, nor meet in the unique index.
    """
    company = select(Company.id).where(Company.id == row.company_id)
    await session.execute(company.with_for_update(key_share=True))
    preferred = await session.scalars(
        select(SupplierProduct).where(
            SupplierProduct.company_id == row.company_id,
            SupplierProduct.product_id.in_(product_ids),
            SupplierProduct.preferred,
        )
    )
    for one in preferred:
        one.preferred = False
    await session.flush()


async def _not_too_many(session: AsyncSession, row: Supplier) -> None:
    count = select(func.count()).where(SupplierProduct.supplier_id == row.id)
    if (await session.scalar(count) or 0) > PRODUCTS_A_SUPPLIER:
        message = f"A supplier sells at most {PRODUCTS_A_SUPPLIER} products."
        raise Refused(_invalid(["products"], message))


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)


async def listed(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
) -> Page[SupplierProduct]:
    """What a supplier sells, in the order of the products' keys.

    `search` is a part of a name, or a whole code, barcode or the supplier's own number.
    Refused: NotFound, InvalidInput.
    """
    bounded(first)
    await suppliers.visible(session, actor=actor, supplier_id=supplier_id)
    rows = select(SupplierProduct).where(SupplierProduct.supplier_id == supplier_id)
    if (start := after(cursor, UUID)) is not None:
        rows = rows.where(SupplierProduct.product_id > start[0])
    if word := line(search, "search", most=SEARCH_LENGTH):
        is_it = or_(Product.code == word, Product.barcode == word, SupplierProduct.sku == word)
        named = or_(is_it, Product.name.icontains(word, autoescape=True))
        rows = rows.join(Product, Product.id == SupplierProduct.product_id).where(named)
    ordered = rows.order_by(SupplierProduct.product_id).limit(first + 1)
    found = (await session.scalars(ordered)).all()
    return page(found, first, lambda row: (str(row.product_id),))


async def terms_of(
    session: AsyncSession, supplier_id: UUID, product_ids: Collection[UUID]
) -> dict[UUID, SupplierProduct]:
    """On which terms a supplier sells these products; those that it doesn't sell are left out."""
    rows = await session.scalars(
        select(SupplierProduct).where(
            SupplierProduct.supplier_id == supplier_id,
            SupplierProduct.product_id.in_(product_ids),
        )
    )
    return {row.product_id: row for row in rows}
