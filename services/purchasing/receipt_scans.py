"""Lines of a receipt as a scanner gives them: the product, batch and date of a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.catalog import Product
from models.purchasing import PurchaseOrder
from services.catalog.code_lookup import find_product
from services.core.problems import DomainError, InvalidInput, not_found
from services.purchasing.goods_receipts import GoodsReceiptItem

COMPANY_OF_ORDER = prepared(
    select(PurchaseOrder.company_id).where(PurchaseOrder.id == bindparam("order"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptScan:
    """A received batch whose product is named by its id or by a code.

    Batch and date that are given come before those in the code.
    """

    quantity: int
    product_id: UUID | None = None
    code: str | None = None
    damaged: int = 0
    batch_code: str | None = None
    sell_by_date: date | None = None


async def identify(
    session: AsyncSession, purchase_order_id: UUID, scans: Sequence[ReceiptScan]
) -> list[GoodsReceiptItem]:
    """Return the lines with the products, batches and dates of their codes.

    Raises DomainError: NotFound, InvalidInput for a line without exactly one of id and code,
    AmbiguousProductCode.
    """
    company_id = None
    if any(scan.code is not None for scan in scans):
        company_id = await session.scalar(COMPANY_OF_ORDER, {"order": purchase_order_id})
        if company_id is None:
            raise not_found(PurchaseOrder, "purchaseOrderId")
    return [await _item(session, company_id, scan, str(n)) for n, scan in enumerate(scans)]


async def _item(
    session: AsyncSession, company_id: UUID | None, scan: ReceiptScan, line: str
) -> GoodsReceiptItem:
    if (scan.code is None) == (scan.product_id is None):
        message = "Name a product by its code or by its id."
        raise DomainError(InvalidInput(path=["input", "lines", line], message=message))
    product_id, batch_code, sell_by_date = scan.product_id, scan.batch_code, scan.sell_by_date
    if scan.code is not None and company_id is not None:
        path = ("lines", line, "product", "scannedCode")
        found = await find_product(session, company_id, scan.code, "input", *path)
        product_id = found.product_id
        batch_code = batch_code or found.read.batch_code
        sell_by_date = sell_by_date or found.read.sell_by_date
    if product_id is None:
        raise not_found(Product, "lines", line, "product", "scannedCode")
    return GoodsReceiptItem(
        product_id=product_id, quantity=scan.quantity, damaged=scan.damaged,
        batch_code=batch_code, sell_by_date=sell_by_date,
    )  # fmt: skip
