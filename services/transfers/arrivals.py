"""The arrival of a transfer: what came whole, what came damaged, what is missing; and its books."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.stock import StockReason
from models.transfers import Transfer, TransferLine, TransferLot
from services.core.problems import InvalidInput, NotFound, Problem, Refused
from services.stock import movements, receiving, stock_rows


@dataclass(frozen=True, slots=True)
class Difference:
    """Units of a product (or of one batch of it) that came whole and damaged; the rest is missing.

    Without a batch code the units are taken to be of the batches that expire first.
    """

    product_id: UUID
    received: int
    damaged: int = 0
    batch_code: str | None = None


@dataclass(slots=True)
class Arrived:
    """One lot, met again: received + damaged + missing is what the lot had."""

    line: TransferLine
    lot: TransferLot
    received: int
    damaged: int = 0

    @property
    def missing(self) -> int:
        return self.lot.quantity - self.received - self.damaged


def counted(
    lines: Mapping[UUID, TransferLine],
    lots: Mapping[UUID, Sequence[TransferLot]],
    differences: Sequence[Difference],
) -> list[Arrived]:
    """Every lot as it arrived: whole, unless a difference speaks of it.

    Refused, naming the difference: NotFound, and InvalidInput when a product or batch is named
    twice, a quantity is below 0, or more would come than was sent.
    """
    arrived = {
        line.id: [Arrived(line, lot, lot.quantity) for lot in lots[line.id]]
        for line in lines.values()
    }
    problems: list[Problem] = []
    spoken: set[tuple[UUID, int]] = set()
    for nth, said in enumerate(differences):
        line = lines.get(said.product_id)
        meant = [
            one
            for one in (arrived[line.id] if line else [])
            if said.batch_code in (None, one.lot.batch_code)
        ]
        keys = {(one.lot.line_id, one.lot.number) for one in meant}
        problem = _fault(nth, said, meant, bool(keys & spoken))
        spoken |= keys
        if problem is not None:
            problems.append(problem)
        else:
            _allot(said, meant)
    if problems:
        raise Refused(*problems)
    return [one for line in lines.values() for one in arrived[line.id]]


def _fault(nth: int, said: Difference, meant: Sequence[Arrived], again: bool) -> Problem | None:
    path = ["input", "differences", str(nth)]
    if not meant:
        field = "productId" if said.batch_code is None else "batchCode"
        return NotFound(path=[*path, field], message="Nothing of it was shipped.")
    if again:
        return InvalidInput(path=[*path, "productId"], message="Another line speaks of it too.")
    if said.received < 0 or said.damaged < 0:
        field = "received" if said.received < 0 else "damaged"
        return InvalidInput(path=[*path, field], message="A quantity is never below 0.")
    sent = sum(one.lot.quantity for one in meant)
    if said.received + said.damaged > sent:
        return InvalidInput(path=[*path, "received"], message=f"Only {sent} units were shipped.")
    return None


def _allot(said: Difference, meant: Sequence[Arrived]) -> None:
    """Spread what came over the lots, in their order: first the whole units, then the damaged."""
    whole, damaged = said.received, said.damaged
    for one in meant:
        one.received = min(whole, one.lot.quantity)
        whole -= one.received
        one.damaged = min(damaged, one.lot.quantity - one.received)
        damaged -= one.damaged


async def book(
    session: AsyncSession, row: Transfer, arrived: Sequence[Arrived], actor_id: UUID | None
) -> None:
    """Put what came on the destination's shelf; what is missing is booked in and out again.

    So the ledger's TRANSFER_OUT of the source and TRANSFER_IN of the destination always cancel
    out, and the loss stands under a reason of its own.
    """
    sent: Counter[UUID] = Counter()
    missing: Counter[UUID] = Counter()
    for one in arrived:
        sent[one.line.product_id] += one.lot.quantity
        missing[one.line.product_id] += one.missing
    fewer = {key: -units for key, units in sent.items()}
    await movements.expect(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines=fewer,
        reference=str(row.id),
        actor_id=actor_id,
    )
    await receiving.receive(
        session,
        company_id=row.company_id,
        store_id=row.destination_id,
        lines=[_come(one) for one in arrived if one.received or one.damaged],
        reason=StockReason.TRANSFER_IN,
        reference=str(row.id),
        actor_id=actor_id,
        path=["input", "differences"],
    )
    await _write_off(session, row, +missing, actor_id)


def _come(one: Arrived) -> receiving.Received:
    return receiving.Received(
        product_id=one.line.product_id,
        quantity=one.received,
        batch_code=one.lot.batch_code,
        expires_on=one.lot.expires_on,
        damaged=one.damaged,
    )


async def _write_off(
    session: AsyncSession, row: Transfer, missing: Mapping[UUID, int], actor_id: UUID | None
) -> None:
    if not missing:
        return
    shelf = (await stock_rows.lock(session, [row.destination_id], missing))[row.destination_id]
    for product_id, units in missing.items():
        place, reference = shelf[product_id], str(row.id)
        stock_rows.change(session, place, units, StockReason.TRANSFER_IN, reference, actor_id)
        stock_rows.change(
            session, place, -units, StockReason.TRANSFER_SHORTAGE, reference, actor_id
        )
    await session.flush()
    stock_rows.announce(session, shelf.values())
