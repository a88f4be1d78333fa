"""Transfers: goods go from one store or warehouse of a company to another, and none get lost.

From shipping to arrival they count as `incoming` at the destination. What arrives, what arrives
damaged and what is missing add up to what was shipped. Locks are taken in this order: the transfer,
then the shelves of both stores.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.identity import Actor
from models.stock import StockReason
from models.stores import Store
from models.transfers import Transfer, TransferAction, TransferLine, TransferLot, TransferStatus
from services.core.access import works_in
from services.core.clock import moment
from services.core.problems import Problem, Refused, not_found
from services.core.text import line
from services.stock import movements, stock_rows
from services.stock.row_edits import make_rows
from services.transfers.arrivals import Arrived, Difference, book, counted
from services.transfers.transfer_lines import Wanted, check, going, lines_of, lots_of, sold_here
from services.transfers.transfer_states import available_actions, enter, move, tell

__all__ = ["Difference", "SameStore", "Wanted", "approve", "available_actions", "cancel",
           "pick", "receive", "reject", "request", "ship"]  # fmt: skip

NOTE_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SameStore(Problem):
    """Goods can't be sent to the store that they are in."""


async def request(
    session: AsyncSession,
    *,
    actor: Actor,
    source_id: UUID,
    destination_id: UUID,
    lines: Sequence[Wanted],
    note: str = "",
) -> Transfer:
    """Ask for goods of another store of the company, or offer them to it.

    Refused: NotFound, SameStore, InvalidInput with the line that is wrong.
    """
    note = line(note, "input", "note", most=NOTE_LENGTH)
    check(lines, least=1)
    source = await _source(session, actor, source_id, destination_id)
    await sold_here(session, source.company_id, lines)
    row = Transfer(
        company_id=source.company_id,
        source_id=source_id,
        destination_id=destination_id,
        note=note,
        requested_by_id=actor.person_id,
    )
    session.add(row)
    await session.flush()
    session.add_all(
        TransferLine(
            transfer_id=row.id,
            company_id=row.company_id,
            product_id=one.product_id,
            position=nth,
            requested=one.quantity,
        )
        for nth, one in enumerate(lines)
    )
    await session.flush()
    tell(session, row)
    return row


async def _source(
    session: AsyncSession, actor: Actor, source_id: UUID, destination_id: UUID
) -> Store:
    """The store that is to give, where the actor works in one of two stores of a company."""
    both = select(Store).where(Store.id.in_((source_id, destination_id)))
    stores = {row.id: row for row in await session.scalars(both)}
    destination, source = stores.get(destination_id), stores.get(source_id)
    if destination is None:
        raise not_found(Store, "destinationId")
    if source is None or source.company_id != destination.company_id:
        raise not_found(Store, "sourceId")
    if not any(works_in(actor, row.company_id, row.id) for row in stores.values()):
        raise not_found(Store, "destinationId")
    if source_id == destination_id:
        said = "A transfer goes to another store."
        raise Refused(SameStore(path=["input", "destinationId"], message=said))
    return source


async def approve(
    session: AsyncSession, *, actor: Actor, transfer_id: UUID, expected_version: int | None = None
) -> Transfer:
    """Agree to give the goods; a manager of the source does. Refused as in `enter`."""
    return await _decide(session, actor, transfer_id, expected_version, TransferAction.APPROVE)


async def reject(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> Transfer:
    """Turn the request down, with a word why; a manager of the source does."""
    action = TransferAction.REJECT
    return await _decide(session, actor, transfer_id, expected_version, action, note)


async def cancel(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    note: str = "",
    expected_version: int | None = None,
) -> Transfer:
    """Call a transfer off before it is shipped; a manager of either store does."""
    action = TransferAction.CANCEL
    return await _decide(session, actor, transfer_id, expected_version, action, note)


DECIDED = {
    TransferAction.APPROVE: TransferStatus.APPROVED,
    TransferAction.REJECT: TransferStatus.REJECTED,
    TransferAction.CANCEL: TransferStatus.CANCELED,
}


async def _decide(
    session: AsyncSession,
    actor: Actor,
    transfer_id: UUID,
    expected_version: int | None,
    action: TransferAction,
    note: str = "",
) -> Transfer:
    note = line(note, "input", "note", most=NOTE_LENGTH)
    row = await enter(session, actor, transfer_id, action, expected_version)
    row.decided_by_id, row.decided_at = actor.person_id, await moment(session)
    row.decision_note = note
    return await move(session, row, DECIDED[action])


async def pick(
    session: AsyncSession, *, actor: Actor, transfer_id: UUID, expected_version: int | None = None
) -> Transfer:
    """Say that the goods are being gathered at the source; they are still on its shelf."""
    row = await enter(session, actor, transfer_id, TransferAction.PICK, expected_version)
    return await move(session, row, TransferStatus.PICKING)


async def ship(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    lines: Sequence[Wanted] | None = None,
    expected_version: int | None = None,
) -> Transfer:
    """Send the goods off: they leave the source's shelf and are incoming at the destination.

    `lines` says how many of each product really go; without it all that was asked for. Refused as
    in `enter`, and typed when the shelf has too few.
    """
    row = await enter(session, actor, transfer_id, TransferAction.SHIP, expected_version)
    asked = await lines_of(session, transfer_id)
    shipped = await _leave(session, row, going(asked, lines), actor.person_id)
    _load(session, asked, shipped)
    row.shipped_by_id, row.shipped_at = actor.person_id, await moment(session)
    return await move(session, row, TransferStatus.SHIPPED)


async def _leave(
    session: AsyncSession, row: Transfer, goods: Mapping[UUID, int], actor_id: UUID | None
) -> list[movements.Shipped]:
    """Take the goods off the source's shelf, and have the destination expect them.

    Its rows are made first, then all are locked in order: two transfers never cross.
    """
    await make_rows(session, row.company_id, row.destination_id, goods)
    await stock_rows.lock(session, [row.source_id, row.destination_id], goods)
    shipped = await movements.ship(
        session,
        company_id=row.company_id,
        store_id=row.source_id,
        lines=goods,
        reason=StockReason.TRANSFER_OUT,
        reference=str(row.id),
        actor_id=actor_id,
    )
    await movements.expect(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines=goods,
        reference=str(row.id),
        actor_id=actor_id,
    )
    return shipped


def _load(
    session: AsyncSession, asked: Mapping[UUID, TransferLine], shipped: Sequence[movements.Shipped]
) -> None:
    """Note on the lines what goes, and out of which batches."""
    numbers: Counter[UUID] = Counter()
    for one in shipped:
        found = asked[one.product_id]
        found.shipped += one.quantity
        session.add(
            TransferLot(
                line_id=found.id,
                number=numbers[found.id],
                company_id=found.company_id,
                batch_code=one.batch_code,
                expires_on=one.expires_on,
                quantity=one.quantity,
            )
        )
        numbers[found.id] += 1


async def receive(
    session: AsyncSession,
    *,
    actor: Actor,
    transfer_id: UUID,
    differences: Sequence[Difference] = (),
    expected_version: int | None = None,
) -> Transfer:
    """Take the goods in at the destination; what `differences` doesn't name has come whole.

    Batches keep their codes and expiry dates. Refused as in `enter`, and with InvalidInput where
    more would come than was sent.
    """
    row = await enter(session, actor, transfer_id, TransferAction.RECEIVE, expected_version)
    lines = await lines_of(session, transfer_id)
    arrived = counted(lines, await lots_of(session, lines), differences)
    for one in arrived:
        one.line.received += one.received
        one.line.damaged += one.damaged
        one.line.missing += one.missing
    await book(session, row, arrived, actor.person_id)
    row.received_by_id, row.received_at = actor.person_id, await moment(session)
    return await move(session, row, _end(arrived))


def _end(arrived: Sequence[Arrived]) -> TransferStatus:
    whole = not any(one.damaged or one.missing for one in arrived)
    return TransferStatus.RECEIVED if whole else TransferStatus.PARTLY_RECEIVED
