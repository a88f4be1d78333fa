"""The tax of an order has the rate of its placement, whatever the company's rate becomes."""

from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.companies import Company
from models.identity import Actor, Grant, Role
from services.carts.baskets import RequestedLine
from services.carts.totals import included_tax
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from services.fulfillment import picking
from services.fulfillment.picking import LinePick
from tests.support.city import City
from tests.support.customers import ORIGIN, product_id
from tests.support.paid_orders import OrderDependencies, place_paid_order, reload_order, write_as
from tests.support.store_staff import accept_task, run_step

OLD_RATE, NEW_RATE = 600, 2_300


async def raise_tax(database: Database, city: City) -> None:
    """The rate of the company changes, as that of a country on the first of January."""
    async with database.write(PLATFORM, ORIGIN) as session:
        company = update(Company).where(Company.id == city.company.id)
        await session.execute(company.values(tax_rate_basis_points=NEW_RATE))


async def test_the_tax_of_what_is_packed_has_the_rate_of_the_placement(
    dependencies: OrderDependencies, city: City
) -> None:
    """An order was placed at 6 % and packed after midnight at 23 %: its invoice said 23 %."""
    order = await place_paid_order(dependencies, city, 2, (3,))
    assert order.tax_rate_basis_points == OLD_RATE
    await raise_tax(dependencies.database, city)
    task, staff = await accept_task(dependencies, city, order)
    pick = LinePick(2, code="P004")
    await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    await run_step(dependencies.database, staff, task, picking.pack, bags=1)
    packed = await reload_order(dependencies.database, order)
    assert packed.final_tax_minor == order.tax_minor
    assert packed.tax_minor == included_tax(order.total_minor - order.tip_minor, OLD_RATE)


async def test_a_changed_order_keeps_its_tax_rate(
    dependencies: OrderDependencies, city: City
) -> None:
    """One unit less, and the tax of everything else was counted at another rate."""
    order = await place_paid_order(dependencies, city, 3, (3,))
    await raise_tax(dependencies.database, city)
    buyer = Actor(order.customer_id, grants=(Grant(Role.CUSTOMER),))
    request = ChangeRequest(lines=(RequestedLine(product_id(city, 3), 2),))
    async with write_as(dependencies.database, buyer, order.company_id) as session:
        await order_changes.request_change(session, actor=buyer, order_id=order.id, request=request)
    changed = await reload_order(dependencies.database, order)
    assert changed.total_minor != order.total_minor
    taxed = changed.total_minor - changed.tip_minor
    assert (changed.tax_minor, changed.tax_rate_basis_points) == (
        included_tax(taxed, OLD_RATE),
        OLD_RATE,
    )
