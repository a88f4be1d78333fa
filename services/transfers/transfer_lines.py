"""The lines of a transfer: what may be asked for, what may go, and in which lots it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.transfers import TransferLine, TransferLot
from services.core.problems import InvalidInput, NotFound, Problem, Refused

LINES = 200
LINE_UNITS = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product and how many units of it."""

    product_id: UUID
    quantity: int


async def lines_of(session: AsyncSession, transfer_id: UUID) -> dict[UUID, TransferLine]:
    """The lines of a transfer by their products, in the order in which they were asked for."""
    rows = await session.scalars(
        select(TransferLine)
        .where(TransferLine.transfer_id == transfer_id)
        .order_by(TransferLine.position)
    )
    return {row.product_id: row for row in rows}


async def lots_of(
    session: AsyncSession, lines: Mapping[UUID, TransferLine]
) -> dict[UUID, list[TransferLot]]:
    """The lots of each line, those that expire first first."""
    keys = [one.id for one in lines.values()]
    rows = await session.scalars(
        select(TransferLot)
        .where(TransferLot.line_id.in_(keys))
        .order_by(TransferLot.line_id, TransferLot.number)
    )
    lots: dict[UUID, list[TransferLot]] = {key: [] for key in keys}
    for row in rows:
        lots[row.line_id].append(row)
    return lots


def check(lines: Sequence[Wanted], least: int) -> None:
    """Refuse lists of a wrong length, products named twice, and quantities out of bounds."""
    if not 1 <= len(lines) <= LINES:
        raise Refused(invalid(f"A transfer has from 1 to {LINES} lines.", "lines"))
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for nth, one in enumerate(lines):
        if one.product_id in seen:
            said = "This product has a line already."
            problems.append(invalid(said, "lines", str(nth), "productId"))
        seen.add(one.product_id)
        if not least <= one.quantity <= LINE_UNITS:
            said = f"A line has from {least} to {LINE_UNITS} units."
            problems.append(invalid(said, "lines", str(nth), "quantity"))
    if problems:
        raise Refused(*problems)


async def sold_here(session: AsyncSession, company_id: UUID, lines: Sequence[Wanted]) -> None:
    """Refuse products that are not the company's."""
    keys = [one.product_id for one in lines]
    ours = select(Product.id).where(Product.id.in_(keys), Product.company_id == company_id)
    known = set(await session.scalars(ours))
    missing = [nth for nth, key in enumerate(keys) if key not in known]
    if missing:
        said = "There is no such product."
        paths = (["input", "lines", str(nth), "productId"] for nth in missing)
        raise Refused(*(NotFound(path=path, message=said) for path in paths))


def going(asked: Mapping[UUID, TransferLine], lines: Sequence[Wanted] | None) -> dict[UUID, int]:
    """How many units of each product go; refused beyond what was asked for."""
    if lines is None:
        return {key: one.requested for key, one in asked.items()}
    check(lines, least=0)
    problems: list[Problem] = []
    for nth, one in enumerate(lines):
        found = asked.get(one.product_id)
        if found is None:
            path = ["input", "lines", str(nth), "productId"]
            problems.append(NotFound(path=path, message="This product was not asked for."))
        elif one.quantity > found.requested:
            said = f"{found.requested} units were asked for."
            problems.append(invalid(said, "lines", str(nth), "quantity"))
    quantities = {one.product_id: one.quantity for one in lines if one.quantity}
    if not problems and not quantities:
        problems.append(invalid("Nothing would go.", "lines"))
    if problems:
        raise Refused(*problems)
    return quantities


def invalid(message: str, *path: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
