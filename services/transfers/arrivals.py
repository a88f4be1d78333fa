"""Arrival of a transfer: matches discrepancies to lots, and records received and missing units."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.message_text import count_text
from models.stock import StockMovementReason
from models.transfers import StockTransfer, StockTransferLine, TransferLot
from services.core.problems import DomainError, InvalidInput, NotFound, Problem
from services.core.text import code_form
from services.stock import movements, receiving
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import MovementCause, publish_stock_changed, record_movement


@dataclass(frozen=True, slots=True)
class TransferDiscrepancy:
    """Units of a product (or of one of its batches) that arrived good and damaged.

    The other shipped units are missing. Without a batch code, units are assigned to the batches
    that expire first.
    """

    product_id: UUID
    received: int
    damaged: int = 0
    batch_code: str | None = None


@dataclass(slots=True)
class LotArrival:
    """The arrival of one lot: received + damaged + missing is its shipped quantity."""

    line: StockTransferLine
    lot: TransferLot
    received: int
    damaged: int = 0

    @property
    def missing(self) -> int:
        return self.lot.quantity - self.received - self.damaged


def match_arrivals(
    lines: Mapping[UUID, StockTransferLine],
    lots: Mapping[UUID, Sequence[TransferLot]],
    discrepancies: Sequence[TransferDiscrepancy],
) -> list[LotArrival]:
    """The arrival of every lot: complete, unless a discrepancy names it.

    Raises DomainError, with the position of the discrepancy: NotFound, and InvalidInput when a
    product or batch is named twice, a quantity is below 0, or exceeds what was shipped.
    """
    arrivals = {
        line.id: [LotArrival(line, lot, lot.quantity) for lot in lots[line.id]]
        for line in lines.values()
    }
    problems: list[Problem] = []
    matched_keys: set[tuple[UUID, int]] = set()
    for nth, discrepancy in enumerate(discrepancies):
        line = lines.get(discrepancy.product_id)
        matching = [
            arrival
            for arrival in (arrivals[line.id] if line else [])
            if discrepancy.batch_code is None
            or code_form(discrepancy.batch_code) == arrival.lot.batch_code
        ]
        keys = {(arrival.lot.line_id, arrival.lot.number) for arrival in matching}
        problem = _problem(nth, discrepancy, matching, bool(keys & matched_keys))
        matched_keys |= keys
        if problem is not None:
            problems.append(problem)
        else:
            _distribute(discrepancy, matching)
    if problems:
        raise DomainError(*problems)
    return [arrival for line in lines.values() for arrival in arrivals[line.id]]


def _problem(
    nth: int, discrepancy: TransferDiscrepancy, matching: Sequence[LotArrival], repeated: bool
) -> Problem | None:
    path = ["input", "discrepancies", str(nth)]
    if not matching:
        field = "productId" if discrepancy.batch_code is None else "batchCode"
        return NotFound(path=[*path, field], message="No such units were shipped.")
    if repeated:
        message = "An earlier line names this product or batch."
        return InvalidInput(path=[*path, "productId"], message=message)
    if discrepancy.received < 0 or discrepancy.damaged < 0:
        field = "received" if discrepancy.received < 0 else "damaged"
        return InvalidInput(path=[*path, field], message="A quantity is never below 0.")
    shipped = sum(arrival.lot.quantity for arrival in matching)
    if discrepancy.received + discrepancy.damaged > shipped:
        message = f"At most {count_text(shipped, 'unit')} can arrive: no more were shipped."
        return InvalidInput(path=[*path, "received"], message=message)
    return None


def _distribute(discrepancy: TransferDiscrepancy, matching: Sequence[LotArrival]) -> None:
    """Distribute the units over the lots in their order: good units first, then damaged ones."""
    received, damaged = discrepancy.received, discrepancy.damaged
    for arrival in matching:
        arrival.received = min(received, arrival.lot.quantity)
        received -= arrival.received
        arrival.damaged = min(damaged, arrival.lot.quantity - arrival.received)
        damaged -= arrival.damaged


async def record_arrivals(
    session: AsyncSession, row: StockTransfer, arrivals: Sequence[LotArrival], actor_id: UUID | None
) -> None:
    """Add received units to the destination's stock, and write missing ones in and out again.

    Units that expired on the way, or whose batch was recalled, are set aside at once.

    So the ledger's TRANSFER_OUT of the source and TRANSFER_IN of the destination always cancel
    out, and the loss has the reason TRANSFER_SHORTAGE.
    """
    lines = [_receipt_line(each) for each in arrivals if each.received or each.damaged]
    await receiving.lock_batches(session, lines)
    shipped: Counter[UUID] = Counter()
    missing: Counter[UUID] = Counter()
    for arrival in arrivals:
        shipped[arrival.line.product_id] += arrival.lot.quantity
        missing[arrival.line.product_id] += arrival.missing
    await movements.change_incoming(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines={key: -units for key, units in shipped.items()},
        reference=str(row.id),
        actor_id=actor_id,
    )
    await receiving.receive_locked(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines=lines,
        reason=StockMovementReason.TRANSFER_IN,
        reference=str(row.id),
        actor_id=actor_id,
        path=["input", "discrepancies"],
        sets_expired_aside=True,
    )
    await _write_off_missing(session, row, +missing, actor_id)


def _receipt_line(arrival: LotArrival) -> receiving.StockReceiptLine:
    return receiving.StockReceiptLine(
        product_id=arrival.line.product_id,
        quantity=arrival.received,
        batch_code=arrival.lot.batch_code,
        sell_by_date=arrival.lot.sell_by_date,
        damaged=arrival.damaged,
    )


async def _write_off_missing(
    session: AsyncSession, row: StockTransfer, missing: Mapping[UUID, int], actor_id: UUID | None
) -> None:
    if not missing:
        return
    rows = (await lock_rows(session, [row.destination_id], missing))[row.destination_id]
    reference = str(row.id)
    arrived = MovementCause(StockMovementReason.TRANSFER_IN, reference, actor_id)
    lost = MovementCause(StockMovementReason.TRANSFER_SHORTAGE, reference, actor_id)
    for product_id, units in missing.items():
        record_movement(session, rows[product_id], arrived, units)
        record_movement(session, rows[product_id], lost, -units)
    await session.flush()
    publish_stock_changed(session, rows.values())
