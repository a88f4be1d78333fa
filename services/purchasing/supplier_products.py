"""Products that a supplier sells to a company: packs, their cost, and the preferred supplier."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.companies import Company
from models.identity import Actor
from models.message_text import number_text
from models.purchasing import Supplier, SupplierProduct
from services.catalog.code_lookup import has_code
from services.catalog.search_text import MAX_QUERY_LENGTH, names_match
from services.core.pages import Page, build_page, check_page_size, decode_cursor
from services.core.problems import DomainError, InvalidInput, NotFound, Problem, range_problem
from services.core.state_machine import column_values
from services.core.text import code_form, parse_code, parse_line
from services.purchasing import suppliers

MAX_PRODUCTS_PER_REQUEST = 200
MAX_PRODUCTS_PER_SUPPLIER = 10_000
MAX_PACK_UNITS = 10_000
MAX_PACK_COST_MINOR = 10**10
MAX_SKU_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierProductTerms:
    """Terms on which a supplier sells one product; minor units of the supplier's currency."""

    product_id: UUID
    sku: str = ""
    pack_cost_minor: int
    units_per_pack: int = 1
    lead_time_days: int | None = None
    preferred: bool = False


async def set_products(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    terms: Sequence[SupplierProductTerms],
    removed: Collection[UUID],
    expected_version: int,
) -> Supplier:
    """Set the terms of some products of a supplier, and remove others; the rest is unchanged.

    A product that becomes preferred here is no longer preferred at any other supplier. A call that
    changes nothing keeps the version. Raises DomainError: NotFound (a path for each foreign
    product), InvalidInput, VersionConflict.
    """
    _check_products(terms, removed)
    supplier = await suppliers.lock_supplier(session, actor, supplier_id)
    suppliers.require_version(supplier, expected_version)
    _check_terms(terms)
    new_terms = {product_terms.product_id: product_terms for product_terms in terms}
    await _require_own_products(session, supplier, list(new_terms))
    if preferred := [one.product_id for one in terms if one.preferred]:
        await _clear_preference(session, supplier, preferred)
    stored = await terms_by_product(session, supplier.id, [*new_terms, *removed])
    before = {product_id: column_values(row) for product_id, row in stored.items()}
    for product_id in stored.keys() & {*removed}:
        await session.delete(stored.pop(product_id))
    for product_id, product_terms in new_terms.items():
        row = stored.setdefault(product_id, _new_row(supplier, product_id))
        session.add(_with_terms(row, product_terms))
    after = {product_id: column_values(row) for product_id, row in stored.items()}
    supplier.version += after != before
    await session.flush()
    await _check_product_count(session, supplier)
    return supplier


def _check_products(terms: Sequence[SupplierProductTerms], removed: Collection[UUID]) -> None:
    if not 1 <= len(terms) + len(removed) <= MAX_PRODUCTS_PER_REQUEST:
        message = f"A request sets or removes from 1 to {MAX_PRODUCTS_PER_REQUEST} products."
        raise DomainError(_invalid(["products"], message))
    product_ids = [*(one.product_id for one in terms), *removed]
    if len(set(product_ids)) < len(product_ids):
        raise DomainError(_invalid(["products"], "A product is named once, to be set or removed."))


def _check_terms(terms: Sequence[SupplierProductTerms]) -> None:
    """Raise DomainError: InvalidInput for each wrong value."""
    problems = [problem for n, one in enumerate(terms) for problem in _problems(one, str(n))]
    if problems:
        raise DomainError(*problems)


def _new_row(supplier: Supplier, product_id: UUID) -> SupplierProduct:
    return SupplierProduct(
        supplier_id=supplier.id,
        product_id=product_id,
        company_id=supplier.company_id,
        currency=supplier.currency,
    )


def _with_terms(row: SupplierProduct, terms: SupplierProductTerms) -> SupplierProduct:
    row.supplier_sku = code_form(terms.sku)
    row.pack_cost_minor = terms.pack_cost_minor
    row.units_per_pack = terms.units_per_pack
    row.lead_time_days = terms.lead_time_days
    row.preferred = terms.preferred
    return row


def _problems(terms: SupplierProductTerms, index: str) -> list[Problem]:
    limits = (
        ("packCostMinor", terms.pack_cost_minor, 0, MAX_PACK_COST_MINOR),
        ("unitsPerPack", terms.units_per_pack, 1, MAX_PACK_UNITS),
        ("leadTimeDays", terms.lead_time_days, 0, suppliers.MAX_LEAD_DAYS),
    )
    problems: list[Problem] = [
        range_problem(["input", "products", index, field], minimum, maximum)
        for field, value, minimum, maximum in limits
        if value is not None and not minimum <= value <= maximum
    ]
    try:
        parse_code(
            terms.sku,
            "input",
            "products",
            index,
            "supplierSku",
            max_length=MAX_SKU_LENGTH,
            min_length=0,
        )
    except DomainError as error:
        problems += error.problems
    return problems


async def _require_own_products(
    session: AsyncSession, supplier: Supplier, product_ids: Sequence[UUID]
) -> None:
    """Raise DomainError: NotFound for each product that is not the company's."""
    own_ids = set(
        await session.scalars(
            select(Product.id).where(
                Product.id.in_(product_ids), Product.company_id == supplier.company_id
            )
        )
    )
    if foreign := [n for n, product_id in enumerate(product_ids) if product_id not in own_ids]:
        raise DomainError(*(_no_product("products", str(index)) for index in foreign))


def _no_product(*path: str) -> NotFound:
    return NotFound(path=["input", *path, "productId"], message="There is no such product.")


async def _clear_preference(
    session: AsyncSession, supplier: Supplier, product_ids: Sequence[UUID]
) -> None:
    """Clear the preference for these products at all other suppliers of the company.

    Locks the company row first: two managers who prefer different suppliers for the same products
    would otherwise deadlock, or violate the unique index.
    """
    company = select(Company.id).where(Company.id == supplier.company_id)
    await session.execute(company.with_for_update(key_share=True))
    preferred = await session.scalars(
        select(SupplierProduct).where(
            SupplierProduct.company_id == supplier.company_id,
            SupplierProduct.supplier_id != supplier.id,
            SupplierProduct.product_id.in_(product_ids),
            SupplierProduct.preferred,
        )
    )
    for row in preferred:
        row.preferred = False
    await session.flush()


async def _check_product_count(session: AsyncSession, supplier: Supplier) -> None:
    count = select(func.count()).where(SupplierProduct.supplier_id == supplier.id)
    if (await session.scalar(count) or 0) > MAX_PRODUCTS_PER_SUPPLIER:
        message = f"A supplier sells at most {number_text(MAX_PRODUCTS_PER_SUPPLIER)} products."
        raise DomainError(_invalid(["products"], message))


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)


async def list_of_supplier(
    session: AsyncSession,
    *,
    actor: Actor,
    supplier_id: UUID,
    first: int,
    cursor: str | None,
    search: str = "",
) -> Page[SupplierProduct]:
    """A page of the products that a supplier sells, by product key.

    `search` is words of a name, the last one may be cut, or a whole code, barcode or supplier SKU.
    Raises DomainError: NotFound, InvalidInput.
    """
    check_page_size(first)
    supplier = await suppliers.visible_supplier(session, actor=actor, supplier_id=supplier_id)
    query = select(SupplierProduct).where(SupplierProduct.supplier_id == supplier_id)
    if (start := decode_cursor(cursor, SupplierProduct.product_id)) is not None:
        query = query.where(SupplierProduct.product_id > start[0])
    if text := parse_line(search, "search", max_length=MAX_QUERY_LENGTH):
        is_sku = SupplierProduct.supplier_sku == code_form(text)
        exact = or_(has_code(text, supplier.company_id), is_sku)
        matches = or_(exact, names_match(Product.search, text))
        query = query.join(Product, Product.id == SupplierProduct.product_id).where(matches)
    by_product = query.order_by(SupplierProduct.product_id).limit(first + 1)
    rows = (await session.scalars(by_product)).all()
    return build_page(rows, first, cursor, lambda row: (str(row.product_id),))


async def terms_by_product(
    session: AsyncSession, supplier_id: UUID, product_ids: Collection[UUID]
) -> dict[UUID, SupplierProduct]:
    """A supplier's terms by product; products that it does not sell are missing."""
    rows = await session.scalars(
        select(SupplierProduct).where(
            SupplierProduct.supplier_id == supplier_id,
            SupplierProduct.product_id.in_(product_ids),
        )
    )
    return {row.product_id: row for row in rows}
