"""Finds the product of a code: one product or a refusal, never one of several."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import Product, ProductCode
from models.companies import Company
from models.identity import Actor
from models.stores import Store
from services.catalog.product_codes import (
    GROUP_SEPARATOR,
    MAX_SCAN_LENGTH,
    ReadCode,
    canonical_code,
    printed_forms,
    read_code,
)
from services.catalog.scale_labels import LABEL_LENGTH
from services.core.access import may_operate_store
from services.core.problems import DomainError, Problem, not_found
from services.core.text import parse_code

MAX_CANDIDATES = 10
PRODUCTS_BY_CODE = prepared(
    select(ProductCode.value, ProductCode.product_id).where(
        ProductCode.company_id == bindparam("company"),
        ProductCode.value == any_(bindparam("values", type_=ARRAY(Text))),
    )
)
# Rows without a product are from before each code was of one product only.
SHARED_CODES = prepared(
    select(Product.id, Product.code, Product.barcode)
    .where(
        Product.company_id == bindparam("company"),
        or_(
            Product.code == any_(bindparam("texts", type_=ARRAY(Text))),
            Product.barcode == any_(bindparam("texts", type_=ARRAY(Text))),
        ),
    )
    .order_by(Product.id)
)
STORE_CURRENCY = prepared(
    select(Store.company_id, Company.currency)
    .join(Company, Company.id == Store.company_id)
    .where(Store.id == bindparam("store"))
)
LABEL_FORMATS = prepared(
    select(Company.scale_label_formats).where(Company.id == bindparam("company"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousProductCode(Problem):
    """A code names several products; `candidate_ids` are at most MAX_CANDIDATES of them."""

    candidate_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class FoundCode:
    """What a code says, and its product; None when the company has none with this code."""

    read: ReadCode
    product_id: UUID | None


@dataclass(frozen=True, slots=True)
class ScannedCode:
    """What a code says, its product, and the currency of a price in it."""

    read: ReadCode
    product_id: UUID
    currency: str


async def read_company_code(session: AsyncSession, company_id: UUID, text: str) -> ReadCode:
    """Read a code with the formats of the company's scales, which only a possible label needs."""
    if not may_be_label(text):
        return read_code(text)
    return read_code(text, await label_formats(session, company_id))


def may_be_label(text: str) -> bool:
    """Whether a text may be the label of a scale."""
    digits = sum(character.isdecimal() for character in text[: 2 * LABEL_LENGTH])
    return digits == LABEL_LENGTH


async def label_formats(session: AsyncSession, company_id: UUID) -> list[str]:
    """Return the formats of the company's scale labels."""
    return await session.scalar(LABEL_FORMATS, {"company": company_id}) or []


async def find_product(session: AsyncSession, company_id: UUID, text: str, *path: str) -> FoundCode:
    """Find the product of a code in a company.

    Raises DomainError at `path`: InvalidInput for what is no code, AmbiguousProductCode.
    """
    parse_code(text.replace(GROUP_SEPARATOR, ""), *path, max_length=MAX_SCAN_LENGTH)
    read = await read_company_code(session, company_id, text)
    products = await products_of_codes(session, company_id, read.values)
    found = {key for value in read.values for key in products.get(value, ())}
    if len(found) > 1:
        raise DomainError(ambiguous_code(found, *path))
    return FoundCode(read, found.pop() if found else None)


async def products_of_codes(
    session: AsyncSession, company_id: UUID, values: Iterable[str]
) -> dict[str, set[UUID]]:
    """Return the products of canonical codes in a company; a code without one is left out.

    A code has several only if they had it before each code was of one product.
    """
    parameters = {"company": company_id, "values": list(values)}
    products: dict[str, set[UUID]] = {}
    shared: set[str] = set()
    for value, product_id in await session.execute(PRODUCTS_BY_CODE, parameters):
        if product_id is None:
            shared.add(value)
        else:
            products[value] = {product_id}
    if shared:
        texts = [text for value in shared for text in printed_forms(value)]
        rows = await session.execute(SHARED_CODES, {"company": company_id, "texts": texts})
        for product_id, code, barcode in rows:
            for value in shared & {canonical_code(code), canonical_code(barcode or "")}:
                products.setdefault(value, set()).add(product_id)
    return products


def ambiguous_code(product_ids: Collection[UUID], *path: str) -> AmbiguousProductCode:
    """Return the problem of a code that names several products, which the caller may see."""
    message = "Several products have this code: use another code of the product, or its id."
    candidates = tuple(sorted(product_ids)[:MAX_CANDIDATES])
    return AmbiguousProductCode(path=list(path), message=message, candidate_ids=candidates)


async def scan(session: AsyncSession, *, actor: Actor, store_id: UUID, text: str) -> ScannedCode:
    """Find the product of a code for people who work in a store.

    Raises DomainError: NotFound (store, or no product has the code), InvalidInput,
    AmbiguousProductCode.
    """
    row = (await session.execute(STORE_CURRENCY, {"store": store_id})).first()
    if row is None or not may_operate_store(actor, row.company_id, store_id):
        raise not_found(Store, "storeId")
    found = await find_product(session, row.company_id, text, "code")
    if found.product_id is None:
        raise not_found(Product, "code")
    return ScannedCode(found.read, found.product_id, row.currency)


def has_code(text: str, company_id: UUID | None) -> ColumnElement[bool]:
    """Build the condition that a product has this code, of the company if one is named."""
    ids = select(ProductCode.product_id).where(ProductCode.value.in_(read_code(text).values))
    if company_id is not None:
        ids = ids.where(ProductCode.company_id == company_id)
    # An array, since a row of an IN within OR is compared without an index.
    return Product.id == any_(func.array(ids.scalar_subquery()))
