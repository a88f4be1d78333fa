"""Finds the product of a code: one product or a refusal, never one of several."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, bindparam, func, select
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
    read_code,
)
from services.catalog.scale_labels import LABEL_LENGTH
from services.core.access import may_operate_store
from services.core.problems import DomainError, InvalidInput, not_found
from services.core.text import parse_code

PRODUCTS_BY_CODE = prepared(
    select(ProductCode.product_id).where(
        ProductCode.company_id == bindparam("company"),
        ProductCode.value == any_(bindparam("values", type_=ARRAY(Text))),
    )
)
STORE_CURRENCY = prepared(
    select(Store.company_id, Company.currency)
    .join(Company, Company.id == Store.company_id)
    .where(Store.id == bindparam("store"))
)
LABEL_FORMATS = prepared(
    select(Company.scale_label_formats).where(Company.id == bindparam("company"))
)


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

    Raises DomainError: InvalidInput at `path` for what is no code, or one of several products.
    """
    parse_code(text.replace(GROUP_SEPARATOR, ""), *path, max_length=MAX_SCAN_LENGTH)
    read = await read_company_code(session, company_id, text)
    values = {"company": company_id, "values": list(read.values)}
    found = set(await session.scalars(PRODUCTS_BY_CODE, values))
    if None in found or len(found) > 1:
        message = "Several products have this code: use another code of the product, or its id."
        raise DomainError(InvalidInput(path=list(path), message=message))
    return FoundCode(read, found.pop() if found else None)


async def scan(session: AsyncSession, *, actor: Actor, store_id: UUID, text: str) -> ScannedCode:
    """Find the product of a code for people who work in a store.

    Raises DomainError: NotFound (store, or no product has the code), InvalidInput for a code that
    several products have.
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
