"""Taking in what a supplier brings: counted unit by unit against what was ordered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.purchasing import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderAction,
    PurchaseOrderLine,
    PurchaseOrderStatus,
    Supplier,
)
from models.stock import StockReason
from services.core.access import MANAGER_ROLES
from services.core.clock import moment
from services.core.problems import InvalidInput, NotFound, Problem, Refused
from services.core.text import line
from services.purchasing.purchase_order_lines import LINES_AN_ORDER
from services.purchasing.purchase_order_states import changed, enter, lines_of
from services.stock import movements, receiving
from services.stock.receiving import CODE_LENGTH, RECEIVED_UNITS

NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OverReceipt(Problem):
    """More has come of a product than was ordered: `most` units may, `arrived` are said to have."""

    product_id: UUID
    ordered: int
    arrived: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Units of one batch: `quantity` whole ones, and `damaged` ones beside them."""

    product_id: UUID
    quantity: int
    damaged: int = 0
    batch_code: str | None = None
    expires_on: date | None = None


async def receive(
    session: AsyncSession,
    *,
    actor: Actor,
    purchase_order_id: UUID,
    lines: Sequence[Arrived],
    note: str = "",
    over_allowed: bool = False,
    expected_version: int,
) -> GoodsReceipt:
    """Take in a delivery, whole or in part; its units stand on the shelf at once.

    More than ordered, beyond the supplier's tolerance, is taken in only when a manager allows it.
    Refused: NotFound, InvalidInput, OverReceipt, IllegalStep when nothing is open (any more),
    VersionConflict when somebody else took something in meanwhile.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    lines = _sound(lines)
    action = PurchaseOrderAction.RECEIVE
    row = await enter(session, actor, purchase_order_id, action, expected_version)
    ordered = {one.product_id: one for one in await lines_of(session, row)}
    _ordered(lines, ordered)
    may = over_allowed and actor.works_at(row.company_id, row.store_id, MANAGER_ROLES)
    if not may:
        supplier = await session.get_one(Supplier, row.supplier_id)
        _within(lines, ordered, supplier.over_tolerance_percent)
    less = _arrive(lines, ordered)
    receipt = await _note(session, actor, row, lines, note)
    _advance(row, ordered)
    if row.status is PurchaseOrderStatus.RECEIVED:
        row.ended_at = await moment(session)
    await changed(session, row, "PURCHASE_ORDER_RECEIVED", receipt_id=receipt.id)
    await _on_the_shelf(session, actor, row, lines, less)
    return receipt


def _sound(lines: Sequence[Arrived]) -> list[Arrived]:
    """The lines with tidy batch codes; refused with every reason against them at once."""
    if not 1 <= len(lines) <= LINES_AN_ORDER:
        raise Refused(_invalid(["lines"], f"A receipt has from 1 to {LINES_AN_ORDER} lines."))
    reasons = [reason for n, one in enumerate(lines) for reason in _against(one, str(n))]
    batches = Counter((one.product_id, one.batch_code, one.expires_on) for one in lines)
    if any(count > 1 for count in batches.values()):
        message = "A batch of a product stands in one line only."
        reasons.append(_invalid(["lines"], message))
    if reasons:
        raise Refused(*reasons)
    return [replace(one, batch_code=one.batch_code and one.batch_code.strip()) for one in lines]


def _against(one: Arrived, nth: str) -> list[Problem]:
    here = ["lines", nth]
    reasons: list[Problem] = [
        _invalid([*here, field], f"This is from 0 to {RECEIVED_UNITS}.")
        for field, units in (("quantity", one.quantity), ("damaged", one.damaged))
        if not 0 <= units <= RECEIVED_UNITS
    ]
    if one.quantity == one.damaged == 0:
        reasons.append(_invalid([*here, "quantity"], "A line has one unit at least."))
    if one.batch_code is not None:
        try:
            line(one.batch_code, "input", *here, "batchCode", most=CODE_LENGTH, least=1)
        except Refused as refused:
            reasons += refused.reasons
    return reasons


def _ordered(lines: Sequence[Arrived], ordered: dict[UUID, PurchaseOrderLine]) -> None:
    """Refused with one NotFound for each product that was not ordered."""
    foreign = [str(n) for n, one in enumerate(lines) if one.product_id not in ordered]
    if foreign:
        message = "That product is not in this order."
        paths = (["input", "lines", nth, "productId"] for nth in foreign)
        raise Refused(*(NotFound(path=path, message=message) for path in paths))


def _within(
    lines: Sequence[Arrived], ordered: dict[UUID, PurchaseOrderLine], tolerance_percent: int
) -> None:
    """Refused with one OverReceipt for each product of which too much has come."""
    reasons: list[Problem] = []
    seen: Counter[UUID] = Counter()
    for nth, one in enumerate(lines):
        wanted = ordered[one.product_id]
        seen[one.product_id] += one.quantity + one.damaged
        arrived = wanted.arrived_units + seen[one.product_id]
        most = wanted.units * (100 + tolerance_percent) // 100
        if arrived > most:
            reasons.append(
                OverReceipt(
                    path=["input", "lines", str(nth), "quantity"],
                    message=f"{wanted.units} were ordered, {arrived} would have come.",
                    product_id=one.product_id,
                    ordered=wanted.units,
                    arrived=arrived,
                    most=most,
                )
            )
    if reasons:
        raise Refused(*reasons)


def _arrive(lines: Sequence[Arrived], ordered: dict[UUID, PurchaseOrderLine]) -> dict[UUID, int]:
    """Count the units in; answers by how many fewer of each product are still to come."""
    before = {one.product_id: ordered[one.product_id].open_units for one in lines}
    for one in lines:
        wanted = ordered[one.product_id]
        wanted.received_units += one.quantity
        wanted.damaged_units += one.damaged
    return {key: units - ordered[key].open_units for key, units in before.items()}


def _advance(row: PurchaseOrder, ordered: dict[UUID, PurchaseOrderLine]) -> None:
    """RECEIVED as soon as nothing is still to come."""
    waiting = any(one.open_units for one in ordered.values())
    status = PurchaseOrderStatus
    row.status = status.PARTLY_RECEIVED if waiting else status.RECEIVED


async def _note(
    session: AsyncSession, actor: Actor, row: PurchaseOrder, lines: Sequence[Arrived], note: str
) -> GoodsReceipt:
    receipt = GoodsReceipt(
        purchase_order_id=row.id,
        company_id=row.company_id,
        store_id=row.store_id,
        received_by_id=actor.person_id,
        note=note,
        at=await moment(session),
    )
    session.add(receipt)
    await session.flush()
    session.add_all(
        GoodsReceiptLine(
            receipt_id=receipt.id,
            position=nth,
            product_id=one.product_id,
            company_id=row.company_id,
            quantity=one.quantity,
            damaged=one.damaged,
            batch_code=one.batch_code,
            expires_on=one.expires_on,
        )
        for nth, one in enumerate(lines)
    )
    return receipt


async def _on_the_shelf(
    session: AsyncSession,
    actor: Actor,
    row: PurchaseOrder,
    lines: Sequence[Arrived],
    less: dict[UUID, int],
) -> None:
    """What came is on the shelf; it is no longer on its way."""
    came = [
        receiving.Received(
            product_id=one.product_id,
            quantity=one.quantity,
            batch_code=one.batch_code,
            expires_on=one.expires_on,
            damaged=one.damaged,
        )
        for one in lines
    ]
    await receiving.receive(
        session, company_id=row.company_id, store_id=row.store_id, lines=came,
        reason=StockReason.RECEIPT, reference=row.code, actor_id=actor.person_id,
    )  # fmt: skip
    fewer = {product_id: -units for product_id, units in less.items()}
    await movements.expect(
        session, company_id=row.company_id, store_id=row.store_id, lines=fewer,
        reference=row.code, actor_id=actor.person_id,
    )  # fmt: skip


def _invalid(path: list[str], message: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
