"""A number with 12 digits is the one with 13 in picking, receipts, counts and imports."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.catalog import Product
from models.identity import Grant, Role
from models.imports import ErrorPolicy
from models.orders import Order
from services.catalog.product_codes import ReadCode
from services.core.problems import DomainError, NotFound
from services.counting import stock_counts
from services.fulfillment import fulfillments, picking
from services.fulfillment.picking import LinePick
from services.purchasing.receipt_scans import ReceiptScan, identify
from tests.support.city import City
from tests.support.counting import counting_team
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    create_picker,
    fulfillments_of,
    lines_of,
    place_paid_order,
)
from tests.support.stock.import_runner import ImportRunner, stock_file
from tests.support.store_staff import run_step
from tests.support.suppliers import create_supplier_scenario

EAN, UPC = "0012345678905", "012345678905"
ALIKE = pytest.mark.parametrize(
    "code",
    [UPC, "0 12345 67890 5", f"010{EAN}", f"HTTPS://ID.GS1.ORG/01/0{EAN}"],
    ids=["UPC-A", "as printed", "element string", "Digital Link"],
)
"""The number in other forms, as scanners send it and people type it."""


@pytest.fixture
async def milk(database: Database, city: City) -> Product:
    """The first product, with a number that is written with 13 digits."""
    async with database.write(PLATFORM, ORIGIN) as session:
        key = city.products[0].id
        await session.execute(update(Product).where(Product.id == key).values(barcode=EAN))
    return city.products[0]


@ALIKE
async def test_a_line_is_picked_by_the_shorter_number(
    dependencies: OrderDependencies, city: City, milk: Product, code: str
) -> None:
    """The list has 0012345678905 and the scanner sends 012345678905: the pick was refused."""
    database, order = dependencies.database, await place_paid_order(dependencies, city)
    assert isinstance(order, Order)
    (fulfillment,) = await fulfillments_of(database, order)
    staff = await create_picker(database, city.near)
    await run_step(database, staff, fulfillment, fulfillments.accept)
    await run_step(database, staff, fulfillment, picking.pick_line, pick=LinePick(2, code=code))
    picked = [one for one in await lines_of(database, fulfillment) if one.picked_quantity]
    assert [one.product_id for one in picked] == [milk.id]


def test_a_pick_has_the_lot_and_the_weight_of_its_code() -> None:
    """A label with lot, or of a scale, was unknown to the picker's scanner."""
    read = ReadCode(("1",), "L1", None, 618)
    assert LinePick(1).with_code(read, weighed=True) == LinePick(1, batch_code="L1", grams=618)
    assert LinePick(2).with_code(read, weighed=True) == LinePick(2, batch_code="L1")
    assert LinePick(1).with_code(read, weighed=False) == LinePick(1, batch_code="L1")
    given = LinePick(1, batch_code="L2", grams=600)
    assert given.with_code(read, weighed=True) == given


async def test_a_receipt_has_the_lot_and_the_date_of_its_code(
    database: Database, city: City, milk: Product
) -> None:
    """Staff typed lot and date although both are in the code that they scanned."""
    supply = await create_supplier_scenario(database, city)
    order = await supply.create_ordered(1, 1)
    scans = [
        ReceiptScan(quantity=3, code=f"]d2010{EAN}17271231" + "10L2210"),
        ReceiptScan(quantity=1, code=UPC, batch_code="own"),
    ]
    async with database.read(PLATFORM) as session:
        first, second = await identify(session, order.id, scans)
        assert (first.product_id, first.batch_code) == (milk.id, "L2210")
        assert first.sell_by_date == date(2027, 12, 31)
        assert (second.product_id, second.batch_code) == (milk.id, "own")
        for wrong in (ReceiptScan(quantity=1), ReceiptScan(quantity=1, code="nothing")):
            with pytest.raises(DomainError):
                await identify(session, order.id, [wrong])


@ALIKE
async def test_a_line_is_counted_by_the_shorter_number(
    database: Database, city: City, milk: Product, code: str
) -> None:
    """A stocktake found no product for the number without its leading zeros."""
    async with counting_team(database, city) as team:
        row = await team.start(0, 1)
        line = {"count_id": row.id, "counted": 47}
        await team.run(stock_counts.set_line, team.first_counter, code=code, **line)
        with pytest.raises(DomainError) as refused:
            await team.run(stock_counts.set_line, team.first_counter, code="nothing", **line)
    assert isinstance(refused.value.problems[0], NotFound)


@pytest.mark.parametrize("code", [UPC, "0 12345 67890 5"], ids=["UPC-A", "as printed"])
async def test_a_file_may_have_the_shorter_number(
    database: Database, city: City, milk: Product, tmp_path: Path, code: str
) -> None:
    """A spreadsheet drops leading zeros: the rows of an import were unknown products."""
    (admin,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    runner = ImportRunner(database, city, admin, tmp_path / "files")
    await runner.run(stock_file(f"S1,{code},7"), ErrorPolicy.ALL_OR_NOTHING)
    assert await runner.on_hand(0) == [7]
