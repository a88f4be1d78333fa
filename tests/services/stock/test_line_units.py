"""The units of a line are divided in one place: for rows in memory, and in SQL."""

import re
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text

from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import FulfillmentLine, FulfillmentLineStatus, units_sql

ROOT = Path(__file__).parents[3]
COLUMNS = ("quantity", "picked_quantity", "damaged_quantity", "status")
REST = re.compile(r"\w\.quantity\s*-\s*(\w+\.)?picked_quantity")


@pytest.mark.parametrize("status", FulfillmentLineStatus)
async def test_sql_and_rows_divide_every_line_alike(
    database: Database, status: FulfillmentLineStatus
) -> None:
    """Every line of up to four units: picked, damaged and ordered in every possible number."""
    lines = [
        FulfillmentLine(
            quantity=quantity, picked_quantity=picked, damaged_quantity=damaged, status=status
        )
        for quantity, picked, damaged in product(range(1, 5), range(5), range(6))
        if picked <= quantity
    ]
    of = units_sql("line")
    rows = ", ".join(
        f"({line.quantity}, {line.picked_quantity}, {line.damaged_quantity}, '{status}')"
        for line in lines
    )
    statement = (
        f"select {of.remaining}, {of.lost}, {of.unpicked}, {of.sold}"  # noqa: S608 - numbers only
        f" from (values {rows}) as line ({', '.join(COLUMNS)})"
    )
    async with database.read(PLATFORM) as session:
        computed = (await session.execute(text(statement))).all()
    for line, (remaining, lost, unpicked, sold) in zip(lines, computed, strict=True):
        units = line.units
        assert (remaining, lost, unpicked) == (units.remaining, units.lost, units.unpicked)
        assert sold == line.quantity - units.unfit
        parts = (units.picked, units.remaining, units.lost, units.unfit)
        assert min(parts) >= 0
        assert sum(parts) == line.quantity


def test_no_other_module_computes_them() -> None:
    """Whoever subtracts picked units from ordered ones forgets one of the four numbers."""
    sources = [
        path
        for folder in ("services", "dataloaders", "resolvers", "jobs", "workflows", "schema")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(sources) > 300
    found = [path.name for path in sources if REST.search(path.read_text())]
    assert found == []
