"""Barcodes of products and formats of scale labels, as a company's admins set them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import case, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import CodeKind, Product, ProductCode
from models.companies import Company
from models.identity import Actor
from services.catalog.company_rows import lock_company, lock_product
from services.catalog.product_codes import canonical_code, parse_barcode
from services.catalog.scale_labels import parse_formats
from services.core.problems import DomainError, InvalidInput, Problem
from services.events.event_log import catalog_stream, record_event

MAX_BARCODES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeTaken(Problem):
    """Another product of the company has one of these codes, as its own code or as a barcode."""


async def set_barcodes(
    session: AsyncSession, *, actor: Actor, product_id: UUID, barcodes: Sequence[str]
) -> Product:
    """Replace the barcodes of a product; the first is its main one. For its company's admins.

    Raises DomainError: NotFound, InvalidInput, BarcodeTaken.
    """
    codes = _parsed(barcodes)
    product = await lock_product(session, actor, product_id)
    try:
        async with session.begin_nested():
            await _replace(session, product, codes)
    except IntegrityError:
        message = "Another product of the company has one of these codes."
        raise DomainError(BarcodeTaken(path=["input", "barcodes"], message=message)) from None
    body = {"product_id": product.id, "barcodes": list(codes.values())}
    stream = catalog_stream(product.company_id)
    record_event(session, stream, "PRODUCT_CHANGED", body, company_id=product.company_id)
    return product


async def list_barcodes(session: AsyncSession, product_id: UUID) -> list[str]:
    """Return the barcodes of a product as they were given, the main one first.

    The product's own code is among them only as its main barcode, so that `set_barcodes` with what
    was read changes nothing.
    """
    is_own = ProductCode.kind == CodeKind.CODE
    is_main = ProductCode.value == func.canonical_product_code(Product.barcode)
    query = (
        select(case((is_own, Product.barcode), else_=ProductCode.text))
        .join_from(ProductCode, Product, Product.id == ProductCode.product_id)
        .where(ProductCode.product_id == product_id, or_(~is_own, is_main))
    )
    return list(await session.scalars(query.order_by(ProductCode.kind, ProductCode.value)))


async def set_label_formats(
    session: AsyncSession, *, actor: Actor, company_id: UUID, formats: Sequence[str]
) -> Company:
    """Set how a company's scales print their labels; for its admins.

    Raises DomainError: NotFound, InvalidInput.
    """
    found = parse_formats(formats, "input", "formats")
    company = await lock_company(session, actor, company_id)
    company.scale_label_formats = found
    await session.flush()
    body = {"scale_label_formats": found}
    stream = catalog_stream(company.id)
    record_event(session, stream, "SCALE_LABELS_CHANGED", body, company_id=company.id)
    return company


def _parsed(barcodes: Sequence[str]) -> dict[str, str]:
    """The barcodes by their canonical form, in their order."""
    if len(barcodes) > MAX_BARCODES:
        message = f"A product has at most {MAX_BARCODES} barcodes."
        raise DomainError(InvalidInput(path=["input", "barcodes"], message=message))
    codes: dict[str, str] = {}
    for nth, text in enumerate(barcodes):
        code = parse_barcode(text, "input", "barcodes", str(nth))
        codes.setdefault(canonical_code(code), code)
    return codes


async def _replace(session: AsyncSession, product: Product, codes: dict[str, str]) -> None:
    rows = await session.scalars(
        select(ProductCode).where(
            ProductCode.product_id == product.id, ProductCode.kind == CodeKind.MORE
        )
    )
    for row in rows:
        await session.delete(row)
    await session.flush()
    # Triggers keep the row of the main barcode.
    product.barcode = next(iter(codes.values()), None)
    await session.flush()
    own = {canonical_code(product.code), *list(codes)[:1]}
    session.add_all(
        ProductCode(
            company_id=product.company_id, value=value, product_id=product.id,
            kind=CodeKind.MORE, text=text,
        )
        for value, text in codes.items()
        if value not in own
    )  # fmt: skip
    await session.flush()
