"""Lines of a purchase order: packs of products that the supplier sells, at its terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.message_text import number_text
from models.money import amount_text
from models.purchasing import PurchaseOrder, PurchaseOrderLine, SupplierProduct
from services.core.problems import DomainError, InvalidInput, Problem, range_problem
from services.purchasing.supplier_products import MAX_PACK_COST_MINOR, terms_by_product

MAX_LINES_PER_ORDER = 500
MAX_PACKS_PER_LINE = 10_000
MAX_UNITS_PER_LINE = 1_000_000
MAX_TOTAL_MINOR = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductNotSupplied(Problem):
    """The supplier does not sell this product."""

    product_id: UUID


@dataclass(frozen=True, slots=True)
class PurchaseOrderItem:
    """Packs of one product to order; without `pack_cost_minor` at the supplier's usual cost."""

    product_id: UUID
    packs: int
    pack_cost_minor: int | None = None


async def build_lines(
    session: AsyncSession, order: PurchaseOrder, items: Sequence[PurchaseOrderItem]
) -> list[PurchaseOrderLine]:
    """Build the lines of an order, unsaved, and set the order's total.

    Raises DomainError: InvalidInput and ProductNotSupplied for each wrong item.
    """
    if not 1 <= len(items) <= MAX_LINES_PER_ORDER:
        message = f"An order has from 1 to {MAX_LINES_PER_ORDER} lines."
        raise DomainError(_invalid(["lines"], message))
    product_ids = [item.product_id for item in items]
    if len(set(product_ids)) < len(product_ids):
        raise DomainError(_invalid(["lines"], "A product stands in one line only."))
    terms = await terms_by_product(session, order.supplier_id, product_ids)
    problems = [
        problem for index, item in enumerate(items) for problem in _problems(item, index, terms)
    ]
    if problems:
        raise DomainError(*problems)
    lines = [
        _build_line(order, index, item, terms[item.product_id]) for index, item in enumerate(items)
    ]
    order.total_minor = sum(line.cost_minor for line in lines)
    if order.total_minor > MAX_TOTAL_MINOR:
        most = amount_text(MAX_TOTAL_MINOR, order.currency)
        message = f"An order is worth at most {most}."
        raise DomainError(_invalid(["lines"], message))
    return lines


def _problems(
    item: PurchaseOrderItem, index: int, terms: dict[UUID, SupplierProduct]
) -> list[Problem]:
    path = ["lines", str(index)]
    product_terms = terms.get(item.product_id)
    if product_terms is None:
        message = "The supplier does not sell this product."
        full_path = ["input", *path, "productId"]
        return [ProductNotSupplied(path=full_path, message=message, product_id=item.product_id)]
    problems: list[Problem] = []
    max_packs = min(MAX_PACKS_PER_LINE, MAX_UNITS_PER_LINE // product_terms.units_per_pack)
    if not 1 <= item.packs <= max_packs:
        problems.append(
            _invalid(
                [*path, "packQuantity"], f"Order from 1 to {number_text(max_packs)} packs of it."
            )
        )
    cost = item.pack_cost_minor
    if cost is not None and not 0 <= cost <= MAX_PACK_COST_MINOR:
        at = ["input", *path, "packCostMinor"]
        problems.append(range_problem(at, 0, MAX_PACK_COST_MINOR))
    return problems


def _build_line(
    order: PurchaseOrder, index: int, item: PurchaseOrderItem, terms: SupplierProduct
) -> PurchaseOrderLine:
    cost = terms.pack_cost_minor if item.pack_cost_minor is None else item.pack_cost_minor
    return PurchaseOrderLine(
        purchase_order_id=order.id,
        product_id=item.product_id,
        company_id=order.company_id,
        store_id=order.store_id,
        position=index,
        supplier_sku=terms.supplier_sku,
        pack_quantity=item.packs,
        units_per_pack=terms.units_per_pack,
        pack_cost_minor=cost,
        currency=order.currency,
        received_units=0,
        damaged_units=0,
    )


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
