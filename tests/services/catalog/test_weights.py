"""Products sold by weight: ordered by estimate, charged by weight, authorized with a buffer."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.catalog import Listing, TemperatureZone
from models.counter_sales import PosSaleLine, TenderKind
from models.fulfillment import FulfillmentLine, FulfillmentLineStatus, Substitution
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderLine
from services.carts.totals import included_tax
from services.catalog import listings, product_handling, scheduled_prices, weights
from services.catalog.product_handling import ProductHandling, ScheduledPricesExist
from services.catalog.weights import TooHeavy, TooLight
from services.companies import CompanyChange, update_company
from services.core.clock import current_time
from services.core.problems import DomainError, InvalidInput
from services.counter_sales import counter_sales
from services.counter_sales.counter_baskets import CounterPayment, ScannedItem
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    lines_of,
    payment_of,
    place_paid_order,
    reload_order,
    unexplained_stock,
    write_as,
)
from tests.support.store_staff import accept_task, refusal_of_step, run_step

APPLES = 2  # 399 per piece of 150 grams, thus 2660 per kilogram
GRAMS = 150


@pytest.fixture
async def admin(database: Database, city: City) -> Actor:
    return (await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


async def sell_by_weight(
    database: Database, city: City, admin: Actor, grams: int | None = GRAMS, index: int = APPLES
) -> None:
    handling = ProductHandling(temperature_zone=TemperatureZone.AMBIENT, average_weight_grams=grams)
    arguments: Any = {"product_id": city.products[index].id, "handling": handling}
    async with write_as(database, admin, city.company.id) as session:
        await product_handling.set_handling(session, actor=admin, **arguments)


async def load_listing(database: Database, city: City, index: int = APPLES) -> Listing:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Listing, (city.near.id, city.products[index].id))


async def load_order_line(database: Database, order: Order) -> OrderLine:
    async with database.read(PLATFORM) as session:
        rows = select(OrderLine).where(OrderLine.order_id == order.id)
        return (await session.scalars(rows)).one()


async def pick_line(
    dependencies: OrderDependencies, staff: Actor, task: Any, quantity: int, grams: int | None
) -> FulfillmentLine:
    pick = LinePick(quantity, code="P003", grams=grams)
    await run_step(dependencies.database, staff, task, picking.pick_line, pick=pick)
    (line,) = await lines_of(dependencies.database, task)
    return line


async def pick_problem(database: Database, staff: Actor, task: Any, pick: LinePick) -> Any:
    return await refusal_of_step(database, staff, task, picking.pick_line, pick=pick)


def fees(order: Order) -> int:
    return order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor


async def test_a_change_to_sale_by_weight_keeps_the_price_of_a_piece(
    database: Database, city: City, admin: Actor
) -> None:
    await sell_by_weight(database, city, admin)
    row = await load_listing(database, city)
    assert (row.price_per_kilogram_minor, row.average_weight_grams) == (2660, 150)
    assert row.price_minor == 399
    await sell_by_weight(database, city, admin, 200)
    row = await load_listing(database, city)
    assert (row.price_per_kilogram_minor, row.price_minor) == (2660, 532)
    key = (city.near.id, city.products[APPLES].id)
    async with write_as(database, admin, city.company.id) as session:
        await listings.set_price(
            session, actor=admin, store_id=key[0], product_id=key[1], price_minor=3000
        )
    assert (await load_listing(database, city)).price_minor == 600
    await sell_by_weight(database, city, admin, None)
    row = await load_listing(database, city)
    assert (row.price_per_kilogram_minor, row.average_weight_grams) == (None, None)
    assert row.price_minor == 600


async def test_a_scheduled_price_keeps_its_unit(
    database: Database, city: City, admin: Actor
) -> None:
    async with write_as(database, admin, city.company.id) as session:
        starts = await current_time(session) + timedelta(hours=1)
        at = {"store_id": city.near.id, "product_id": city.products[APPLES].id}
        plan = scheduled_prices.PriceSchedule(299, starts)
        await scheduled_prices.schedule(session, actor=admin, **at, price_schedule=plan)
    with pytest.raises(DomainError) as error:
        await sell_by_weight(database, city, admin)
    (problem,) = error.value.problems
    assert isinstance(problem, ScheduledPricesExist)
    assert problem.store_count == 1


@pytest.mark.parametrize("grams", [0, -1, 50_001])
async def test_the_weight_of_a_piece_is_validated(
    grams: int, database: Database, city: City, admin: Actor
) -> None:
    with pytest.raises(DomainError) as error:
        await sell_by_weight(database, city, admin, grams)
    assert isinstance(error.value.problems[0], InvalidInput)


@pytest.mark.parametrize("grams", [450, 401, 516, 517])
async def test_the_charge_follows_the_weight_up_to_the_authorization_buffer(
    grams: int, dependencies: OrderDependencies, city: City, admin: Actor
) -> None:
    database = dependencies.database
    await sell_by_weight(database, city, admin)
    order = await place_paid_order(dependencies, city, 3, (APPLES,))
    assert (order.subtotal_minor, order.authorization_buffer_minor) == (1197, 179)
    task, staff = await accept_task(dependencies, city, order)
    (line,) = await lines_of(database, task)
    assert (line.average_weight_grams, line.max_weight_grams) == (150, 517)
    await pick_line(dependencies, staff, task, 3, grams)
    await run_step(database, staff, task, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.amount_minor == order.total_minor + 179
    charged = (2660 * grams + 500) // 1000 + fees(order)
    assert payment.capture_wanted_minor == charged <= payment.authorized_amount_minor
    reloaded = await reload_order(database, order)
    order_line = await load_order_line(database, order)
    assert (reloaded.final_total_minor, reloaded.total_minor) == (charged, order.total_minor)
    tax = included_tax(charged - order.tip_minor, city.company.tax_rate_basis_points)
    assert reloaded.final_tax_minor == tax
    assert order_line.packed_weight_grams == grams
    assert order_line.final_total_minor == charged - fees(order)
    assert await unexplained_stock(database, city) == []


async def test_picked_weights_are_validated(
    dependencies: OrderDependencies, city: City, admin: Actor
) -> None:
    database = dependencies.database
    await sell_by_weight(database, city, admin)
    order = await place_paid_order(dependencies, city, 3, (APPLES,))
    task, staff = await accept_task(dependencies, city, order)
    problem = await pick_problem(database, staff, task, LinePick(3, code="P003", grams=518))
    assert isinstance(problem, TooHeavy)
    assert (problem.max_grams, problem.path) == (517, ["input", "weightGrams"])
    # Fewer pieces may weigh less: each has its share of the authorized amount.
    problem = await pick_problem(database, staff, task, LinePick(1, code="P003", grams=173))
    assert isinstance(problem, TooHeavy)
    for quantity, grams in ((3, None), (3, 0), (3, -5), (0, 100)):
        pick = LinePick(quantity, code="P003", grams=grams)
        problem = await pick_problem(database, staff, task, pick)
        assert isinstance(problem, InvalidInput), (quantity, grams)
        assert problem.path == ["input", "weightGrams"]
    # 45 typed for 450, or one piece weighed instead of three.
    for grams, least, most in ((45, 113, 517), (112, 113, 517)):
        problem = await pick_problem(database, staff, task, LinePick(3, code="P003", grams=grams))
        assert isinstance(problem, TooLight)
        assert (problem.min_grams, problem.max_grams) == (least, most)
        assert problem.path == ["input", "weightGrams"]
    line = await pick_line(dependencies, staff, task, 3, 113)
    assert (line.status, line.picked_weight_grams) == (FulfillmentLineStatus.FOUND, 113)
    line = await pick_line(dependencies, staff, task, 1, 172)
    assert (line.status, line.picked_weight_grams) == (FulfillmentLineStatus.SHORT, 172)
    line = await pick_line(dependencies, staff, task, 0, None)
    assert line.picked_weight_grams is None
    order = await place_paid_order(dependencies, city, 3, (0,))
    task, staff = await accept_task(dependencies, city, order)
    problem = await pick_problem(database, staff, task, LinePick(3, code="P001", grams=100))
    assert isinstance(problem, InvalidInput)


async def test_without_an_authorization_buffer_nothing_beyond_the_estimate_is_charged(
    dependencies: OrderDependencies, city: City, admin: Actor
) -> None:
    database = dependencies.database
    await sell_by_weight(database, city, admin)
    async with write_as(database, admin, city.company.id) as session:
        change = CompanyChange(authorization_buffer_basis_points=0)
        await update_company(session, actor=admin, company_id=city.company.id, change=change)
    order = await place_paid_order(dependencies, city, 3, (APPLES,))
    async with database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).amount_minor == order.total_minor
    task, staff = await accept_task(dependencies, city, order)
    problem = await pick_problem(database, staff, task, LinePick(3, code="P003", grams=451))
    assert isinstance(problem, TooHeavy)
    assert problem.max_grams == 450


async def test_a_heavy_piece_and_a_substitute_stay_within_the_authorization(
    dependencies: OrderDependencies, city: City, admin: Actor
) -> None:
    database = dependencies.database
    await sell_by_weight(database, city, admin)
    await sell_by_weight(database, city, admin, 100, index=8)
    order = await place_paid_order(dependencies, city, 2, (APPLES,))
    async with database.write(PLATFORM, ORIGIN) as session:
        in_order = OrderLine.order_id == order.id
        values = {"substitution_preference": SubstitutionPreference.REPLACE_SIMILAR}
        await session.execute(update(OrderLine).where(in_order).values(**values))
    task, staff = await accept_task(dependencies, city, order)
    line = await pick_line(dependencies, staff, task, 1, 172)
    proposal = SubstituteProposal(line.id, "P009", 1)
    propose = substitutions.propose
    problem = await refusal_of_step(database, staff, task, propose, proposal=proposal)
    assert isinstance(problem, InvalidInput)
    for wrong, grams in ((TooLight, 24), (TooHeavy, 401)):
        proposal = SubstituteProposal(line.id, "P009", 1, grams=grams)
        problem = await refusal_of_step(database, staff, task, propose, proposal=proposal)
        assert isinstance(problem, wrong)
        assert (problem.min_grams, problem.max_grams) == (25, 400)
    proposal = SubstituteProposal(line.id, "P009", 1, grams=30)
    await run_step(database, staff, task, substitutions.propose, proposal=proposal)
    async with database.write(PLATFORM, ORIGIN) as session:
        rows = select(Substitution).where(Substitution.order_id == order.id)
        row = (await session.scalars(rows)).one()
        row.answer_due_at = await current_time(session)
        kilo = (await load_listing(database, city, 8)).price_per_kilogram_minor or 0
        assert (row.weight_grams, row.total_minor) == (30, weights.weight_price(kilo, 30))
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await substitutions.time_out(session, row.id)
    await run_step(database, staff, task, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    charged = weights.weight_price(2660, 172) + weights.weight_price(kilo, 30) + fees(order)
    assert payment.capture_wanted_minor == charged <= payment.authorized_amount_minor
    assert await unexplained_stock(database, city) == []


async def test_counter_sales_by_weight(
    dependencies: OrderDependencies, city: City, admin: Actor, database: Database
) -> None:
    await sell_by_weight(database, city, admin)
    card = CounterPayment(TenderKind.CARD, terminal_reference="4711")

    async def sell(*scans: ScannedItem) -> Any:
        async with write_as(database, admin, city.company.id) as session:
            return await counter_sales.complete(
                session, actor=admin, store_id=city.near.id, scans=scans, payment=card
            )

    sale = await sell(
        ScannedItem(2, "P003", grams=301), ScannedItem(1, "P003", grams=150), ScannedItem(1, "P001")
    )
    apples = weights.weight_price(2660, 451)
    assert sale.total_minor == apples + city.first.prices[0]
    async with database.read(PLATFORM) as session:
        rows = select(PosSaleLine).where(PosSaleLine.counter_sale_id == sale.id)
        first, _ = (await session.scalars(rows.order_by(PosSaleLine.position))).all()
    assert (first.quantity, first.weight_grams, first.total_minor) == (3, 451, apples)
    for wrong, kind in (
        (ScannedItem(1, "P003"), InvalidInput),
        (ScannedItem(1, "P003", grams=0), InvalidInput),
        (ScannedItem(1, "P001", grams=5), InvalidInput),
        (ScannedItem(1, "P003", grams=37), TooLight),
        (ScannedItem(1, "P003", grams=601), TooHeavy),
    ):
        with pytest.raises(DomainError) as error:
            await sell(wrong)
        (problem,) = error.value.problems
        assert isinstance(problem, kind)
        assert problem.path == ["input", "lines", "0", "weightGrams"]
    assert await unexplained_stock(database, city) == []
