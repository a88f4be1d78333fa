"""Lines of a transfer: checks of requested and shipped quantities, and the lots of each line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Product
from models.message_text import count_text, number_text
from models.transfers import StockTransferLine, TransferLot
from services.core.problems import DomainError, InvalidInput, NotFound, Problem

MAX_LINES = 200
MAX_LINE_UNITS = 100_000


@dataclass(frozen=True, slots=True)
class LineQuantity:
    """A product and its number of units."""

    product_id: UUID
    quantity: int


async def lines_of(session: AsyncSession, transfer_id: UUID) -> dict[UUID, StockTransferLine]:
    """The lines of a transfer by product, in the order of the request."""
    rows = await session.scalars(
        select(StockTransferLine)
        .where(StockTransferLine.transfer_id == transfer_id)
        .order_by(StockTransferLine.position)
    )
    return {row.product_id: row for row in rows}


async def lots_of(
    session: AsyncSession, lines: Mapping[UUID, StockTransferLine]
) -> dict[UUID, list[TransferLot]]:
    """The lots of each line by line id, the first to expire first."""
    line_ids = [line.id for line in lines.values()]
    rows = await session.scalars(
        select(TransferLot)
        .where(TransferLot.line_id.in_(line_ids))
        .order_by(TransferLot.line_id, TransferLot.number)
    )
    lots: dict[UUID, list[TransferLot]] = {line_id: [] for line_id in line_ids}
    for row in rows:
        lots[row.line_id].append(row)
    return lots


def check_lines(lines: Sequence[LineQuantity], min_units: int) -> None:
    """Raise InvalidInput for too few or many lines, repeated products and invalid quantities."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise DomainError(_invalid(f"A transfer has from 1 to {MAX_LINES} lines.", "lines"))
    problems: list[Problem] = []
    seen: set[UUID] = set()
    for nth, line in enumerate(lines):
        if line.product_id in seen:
            message = "This product has a line already."
            problems.append(_invalid(message, "lines", str(nth), "productId"))
        seen.add(line.product_id)
        if not min_units <= line.quantity <= MAX_LINE_UNITS:
            message = (
                f"A line has from {number_text(min_units)} to {number_text(MAX_LINE_UNITS)} units."
            )
            problems.append(_invalid(message, "lines", str(nth), "quantity"))
    if problems:
        raise DomainError(*problems)


async def check_products(
    session: AsyncSession, company_id: UUID, lines: Sequence[LineQuantity]
) -> None:
    """Raise NotFound for each product of another company."""
    keys = [line.product_id for line in lines]
    own = select(Product.id).where(Product.id.in_(keys), Product.company_id == company_id)
    known = set(await session.scalars(own))
    missing = [nth for nth, key in enumerate(keys) if key not in known]
    if missing:
        message = "There is no such product."
        paths = (["input", "lines", str(nth), "productId"] for nth in missing)
        raise DomainError(*(NotFound(path=path, message=message) for path in paths))


def quantities_to_ship(
    requested: Mapping[UUID, StockTransferLine], lines: Sequence[LineQuantity] | None
) -> dict[UUID, int]:
    """The units of each product to ship: `lines`, or all that was requested.

    Raises DomainError: NotFound for a product that was not requested, InvalidInput for more units
    than requested, and when no unit is left to ship.
    """
    if lines is None:
        return {key: line.requested for key, line in requested.items()}
    check_lines(lines, min_units=0)
    problems: list[Problem] = []
    for nth, line in enumerate(lines):
        transfer_line = requested.get(line.product_id)
        if transfer_line is None:
            path = ["input", "lines", str(nth), "productId"]
            problems.append(NotFound(path=path, message="This product was not requested."))
        elif line.quantity > transfer_line.requested:
            most = count_text(transfer_line.requested, "unit")
            message = f"At most {most} can be shipped: no more were requested."
            problems.append(_invalid(message, "lines", str(nth), "quantity"))
    quantities = {line.product_id: line.quantity for line in lines if line.quantity}
    if not problems and not quantities:
        problems.append(_invalid("At least 1 unit has to be shipped.", "lines"))
    if problems:
        raise DomainError(*problems)
    return quantities


def _invalid(message: str, *path: str) -> InvalidInput:
    return InvalidInput(path=["input", *path], message=message)
