"""Batch reads of transfers: their lines, and the lots of each line."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders.keys import in_keys
from models.transfers import StockTransferLine, TransferLot


async def lines_by_transfer(
    session: AsyncSession, ids: Sequence[UUID]
) -> list[list[StockTransferLine]]:
    """The lines of each transfer, in the order of the request."""
    rows = await session.scalars(
        select(StockTransferLine)
        .where(in_keys(StockTransferLine.transfer_id, ids))
        .order_by(StockTransferLine.transfer_id, StockTransferLine.position)
    )
    lines: dict[UUID, list[StockTransferLine]] = defaultdict(list)
    for row in rows:
        lines[row.transfer_id].append(row)
    return [lines[key] for key in ids]


async def lots_by_line(session: AsyncSession, ids: Sequence[UUID]) -> list[list[TransferLot]]:
    """The lots of each line, the first to expire first; none before it is shipped."""
    rows = await session.scalars(
        select(TransferLot)
        .where(in_keys(TransferLot.line_id, ids))
        .order_by(TransferLot.line_id, TransferLot.number)
    )
    lots: dict[UUID, list[TransferLot]] = defaultdict(list)
    for row in rows:
        lots[row.line_id].append(row)
    return [lots[key] for key in ids]
