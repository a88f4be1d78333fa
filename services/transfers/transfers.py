"""Transfers of goods from one store or warehouse of a company to another.

From shipping to arrival, units are `incoming` at the destination. Received, damaged and missing
units add up to what was shipped. Locks are taken in this order: the transfer, then the stock rows
of both stores.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.stock import StockMovementReason
from models.stores import Store
from models.transfers import (
    StockTransfer,
    StockTransferAction,
    StockTransferLine,
    StockTransferStatus,
    TransferLot,
)
from services.core.access import may_operate_store
from services.core.clock import current_time
from services.core.problems import DomainError, Problem, not_found
from services.core.text import parse_line
from services.stock import movements
from services.stock.stock_rows import lock_rows
from services.stock.stock_writer import create_missing_rows
from services.transfers.arrivals import (
    LotArrival,
    TransferDiscrepancy,
    match_arrivals,
    record_arrivals,
)
from services.transfers.transfer_lines import (
    LineQuantity,
    check_lines,
    check_products,
    lines_of,
    lots_of,
    quantities_to_ship,
)
from services.transfers.transfer_states import MACHINE, change_status, record_change

MAX_NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SameSourceAndDestination(Problem):
    """The source and the destination of a transfer are the same store."""


async def request(
    session: AsyncSession,
    *,
    actor: Actor,
    source_id: UUID,
    destination_id: UUID,
    lines: Sequence[LineQuantity],
    note: str = "",
) -> StockTransfer:
    """Request goods from another store of the company, or offer them to it.

    Raises DomainError: NotFound, SameSourceAndDestination, InvalidInput with the position of the
    line.
    """
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    check_lines(lines, min_units=1)
    source = await _source(session, actor, source_id, destination_id)
    await check_products(session, source.company_id, lines)
    row = StockTransfer(
        company_id=source.company_id,
        source_id=source_id,
        destination_id=destination_id,
        note=note,
        requested_by_id=actor.person_id,
    )
    session.add(row)
    await session.flush()
    session.add_all(
        StockTransferLine(
            transfer_id=row.id,
            company_id=row.company_id,
            product_id=line.product_id,
            position=nth,
            requested=line.quantity,
        )
        for nth, line in enumerate(lines)
    )
    await session.flush()
    record_change(session, row)
    return row


async def _source(
    session: AsyncSession, actor: Actor, source_id: UUID, destination_id: UUID
) -> Store:
    """The source store, if both stores are of one company and the actor works in one of them."""
    both = select(Store).where(Store.id.in_((source_id, destination_id)))
    stores = {store.id: store for store in await session.scalars(both)}
    destination, source = stores.get(destination_id), stores.get(source_id)
    if destination is None:
        raise not_found(Store, "destinationStoreId")
    if source is None or source.company_id != destination.company_id:
        raise not_found(Store, "sourceStoreId")
    if not any(may_operate_store(actor, store.company_id, store.id) for store in stores.values()):
        raise not_found(Store, "destinationStoreId")
    if source_id == destination_id:
        message = "A transfer goes to another store."
        raise DomainError(
            SameSourceAndDestination(path=["input", "destinationStoreId"], message=message)
        )
    return source


async def approve(
    session: AsyncSession, *, actor: Actor, transfer_id: UUID, expected_version: int | None = None
) -> StockTransfer:
    """Approve a request, by a manager of the source. Raises DomainError: as `MACHINE.begin`."""
    return await _decide(session, actor, transfer_id, expected_version, StockTransferAction.APPROVE)


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> StockTransfer:
    """Reject a request, by a manager of the source.

    Raises DomainError: InvalidInput, as `MACHINE.begin`.
    """
    action = StockTransferAction.REJECT
    return await _decide(session, actor, transfer_id, expected_version, action, note)


async def cancel(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> StockTransfer:
    """Cancel a transfer before shipping, by a manager of either store.

    Raises DomainError: as `reject`.
    """
    action = StockTransferAction.CANCEL
    return await _decide(session, actor, transfer_id, expected_version, action, note)


DECISION_STATUSES = {
    StockTransferAction.APPROVE: StockTransferStatus.APPROVED,
    StockTransferAction.REJECT: StockTransferStatus.REJECTED,
    StockTransferAction.CANCEL: StockTransferStatus.CANCELED,
}


async def _decide(
    session: AsyncSession,
    actor: Actor,
    transfer_id: UUID,
    expected_version: int | None,
    action: StockTransferAction,
    note: str = "",
) -> StockTransfer:
    note = parse_line(note, "input", "note", max_length=MAX_NOTE_LENGTH)
    row = await MACHINE.begin(session, actor, transfer_id, action, expected_version)
    row.decided_by_id, row.decided_at = actor.person_id, await current_time(session)
    row.decision_note = note
    return await change_status(session, row, DECISION_STATUSES[action])


async def start_picking(
    session: AsyncSession, *, actor: Actor, transfer_id: UUID, expected_version: int | None = None
) -> StockTransfer:
    """Mark that the source collects the goods; its stock does not change yet.

    Raises DomainError: as `MACHINE.begin`.
    """
    row = await MACHINE.begin(
        session, actor, transfer_id, StockTransferAction.START_PICKING, expected_version
    )
    return await change_status(session, row, StockTransferStatus.PICKING)


async def ship(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    lines: Sequence[LineQuantity] | None = None,
    expected_version: int | None = None,
) -> StockTransfer:
    """Ship the goods: they leave the source's stock and are incoming at the destination.

    `lines` are the units that are shipped; without them all that was requested. Raises DomainError:
    as `MACHINE.begin`, NotFound, InvalidInput, InsufficientStock.
    """
    row = await MACHINE.begin(
        session, actor, transfer_id, StockTransferAction.SHIP, expected_version
    )
    requested = await lines_of(session, transfer_id)
    quantities = quantities_to_ship(requested, lines)
    issued = await _issue_from_source(session, row, quantities, actor.person_id)
    _add_lots(session, requested, issued)
    row.shipped_by_id, row.shipped_at = actor.person_id, await current_time(session)
    return await change_status(session, row, StockTransferStatus.IN_TRANSIT)


async def _issue_from_source(
    session: AsyncSession, row: StockTransfer, quantities: Mapping[UUID, int], actor_id: UUID | None
) -> list[movements.IssuedUnits]:
    """Take the units out of the source's stock, and add them to the destination's incoming.

    The destination's rows are created first, then the rows of both stores are locked by one
    statement in order, so that transfers in opposite directions cannot deadlock.
    """
    await create_missing_rows(session, row.company_id, row.destination_id, quantities)
    await lock_rows(session, [row.source_id, row.destination_id], quantities)
    issued = await movements.issue(
        session,
        company_id=row.company_id,
        store_id=row.source_id,
        lines=quantities,
        reason=StockMovementReason.TRANSFER_OUT,
        reference=str(row.id),
        actor_id=actor_id,
    )
    await movements.change_incoming(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines=quantities,
        reference=str(row.id),
        actor_id=actor_id,
    )
    return issued


def _add_lots(
    session: AsyncSession,
    lines: Mapping[UUID, StockTransferLine],
    issued: Sequence[movements.IssuedUnits],
) -> None:
    """Add shipped units to the lines, and a lot for each batch that they came from."""
    lot_counts: Counter[UUID] = Counter()
    for units in issued:
        line = lines[units.product_id]
        line.shipped += units.quantity
        session.add(
            TransferLot(
                line_id=line.id,
                number=lot_counts[line.id],
                company_id=line.company_id,
                batch_code=units.batch_code,
                sell_by_date=units.sell_by_date,
                quantity=units.quantity,
            )
        )
        lot_counts[line.id] += 1


async def receive(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    discrepancies: Sequence[TransferDiscrepancy] = (),
    expected_version: int | None = None,
) -> StockTransfer:
    """Receive the goods at the destination; lots without a discrepancy arrived complete.

    Batches keep their codes and expiry dates. Raises DomainError: as `MACHINE.begin`, and as
    `match_arrivals`.
    """
    row = await MACHINE.begin(
        session, actor, transfer_id, StockTransferAction.RECEIVE, expected_version
    )
    lines = await lines_of(session, transfer_id)
    arrivals = match_arrivals(lines, await lots_of(session, lines), discrepancies)
    for arrival in arrivals:
        arrival.line.received += arrival.received
        arrival.line.damaged += arrival.damaged
        arrival.line.missing += arrival.missing
    await record_arrivals(session, row, arrivals, actor.person_id)
    row.received_by_id, row.received_at = actor.person_id, await current_time(session)
    return await change_status(session, row, _final_status(arrivals))


def _final_status(arrivals: Sequence[LotArrival]) -> StockTransferStatus:
    complete = not any(arrival.damaged or arrival.missing for arrival in arrivals)
    return StockTransferStatus.RECEIVED if complete else StockTransferStatus.PARTIALLY_RECEIVED
