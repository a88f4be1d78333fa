"""Tells codes whose zeros a spreadsheet has removed from codes that nothing has."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.imports import StockImport

LOST_ZEROS = text(
    r"""
    with padded as (
        select ltrim(c.text, '0') as digits, min(c.text) as code from product_code c
        where c.company_id = :company and c.text ~ '^0[0-9]+$' group by 1
    )
    update stock_import_row r set
        code = 'DAMAGED',
        message = 'A product has the code ' || p.code || ': a spreadsheet removes zeros at the'
            || ' beginning. Format the column as text and enter the code again.'
    from padded p
    where r.import_id = :import and r.code = 'UNKNOWN_PRODUCT' and r.product = p.digits
    """
)


async def find_lost_zeros(session: AsyncSession, row: StockImport) -> None:
    """Say for rows without a product that a code with zeros in front of theirs exists."""
    await session.execute(LOST_ZEROS, {"import": row.id, "company": row.company_id})
