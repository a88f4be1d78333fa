"""What an order to a supplier asks for: packs of what that supplier sells, at its terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.purchasing import PurchaseOrder, PurchaseOrderLine, SupplierProduct
from services.core.problems import InvalidInput, Problem, Refused
from services.purchasing.supplier_products import PACK_COST_MOST_MINOR, terms_of

LINES_AN_ORDER = 500
LINE_MOST_PACKS = 10_000
LINE_MOST_UNITS = 1_000_000
TOTAL_MOST_MINOR = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSupplied(Problem):
    """The supplier does not sell this product."""

    product_id: UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Packs of one product; without `pack_cost_minor` at the supplier's usual cost."""

    product_id: UUID
    packs: int
    pack_cost_minor: int | None = None


async def made(
    session: AsyncSession, row: PurchaseOrder, wanted: Sequence[Wanted]
) -> list[PurchaseOrderLine]:
    """The lines as they will be stored, and their sum in the order."""
    if not 1 <= len(wanted) <= LINES_AN_ORDER:
        raise Refused(_invalid(["lines"], f"An order has from 1 to {LINES_AN_ORDER} lines."))
    keys = [one.product_id for one in wanted]
    if len(set(keys)) < len(keys):
        raise Refused(_invalid(["lines"], "A product stands in one line only."))
    terms = await terms_of(session, row.supplier_id, keys)
    reasons = [r for n, one in enumerate(wanted) for r in _against(one, n, terms)]
    if reasons:
        raise Refused(*reasons)
    lines = [_line(row, n, one, terms[one.product_id]) for n, one in enumerate(wanted)]
    row.total_minor = sum(one.cost_minor for one in lines)
    if row.total_minor > TOTAL_MOST_MINOR:
        message = f"An order is worth at most {TOTAL_MOST_MINOR} minor units."
        raise Refused(_invalid(["lines"], message))
    return lines


def _against(one: Wanted, nth: int, terms: dict[UUID, SupplierProduct]) -> list[Problem]:
    here = ["lines", str(nth)]
    sold = terms.get(one.product_id)
    if sold is None:
        path = ["input", *here, "productId"]
        message = "The supplier does not sell this product."
        return [NotSupplied(path=path, message=message, product_id=one.product_id)]
    reasons: list[Problem] = []
    most = min(LINE_MOST_PACKS, LINE_MOST_UNITS // sold.pack_units)
    if not 1 <= one.packs <= most:
        reasons.append(_invalid([*here, "packs"], f"Order from 1 to {most} packs of it."))
    cost, dearest = one.pack_cost_minor, PACK_COST_MOST_MINOR
    if cost is not None and not 0 <= cost <= dearest:
        reasons.append(_invalid([*here, "packCostMinor"], f"This is from 0 to {dearest}."))
    return reasons


def _line(row: PurchaseOrder, nth: int, one: Wanted, sold: SupplierProduct) -> PurchaseOrderLine:
    cost = sold.pack_cost_minor if one.pack_cost_minor is None else one.pack_cost_minor
    return PurchaseOrderLine(
        purchase_order_id=row.id,
        product_id=one.product_id,
        company_id=row.company_id,
        store_id=row.store_id,
        position=nth,
        sku=sold.sku,
        packs=one.packs,
        pack_units=sold.pack_units,
        pack_cost_minor=cost,
        currency=row.currency,
        received_units=0,
        damaged_units=0,
    )


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
