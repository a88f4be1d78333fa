"""Goods sold by weight: ordered by the estimate, charged by the scale, held with headroom."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import Substitution
from models.catalog import Listing, TemperatureZone
from models.counter_sales import CounterSaleLine, Tender
from models.fulfillment import FulfillmentLine, FulfillmentLineStatus, Substitute
from models.identity import Actor, Grant, Role
from models.orders import Order, OrderLine
from services.carts.totals import included_tax
from services.catalog import listings, product_handling, scheduled_prices, weights
from services.catalog.product_handling import Handling, PricesPlanned
from services.catalog.weights import TooHeavy, TooLight
from services.core.clock import moment
from services.core.problems import InvalidInput, NotFound, Refused
from services.counter_sales import counter_sales
from services.counter_sales.counter_baskets import Payment, Scan
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import Pick
from services.fulfillment.substitutions import Proposal
from tests.support.city import City
from tests.support.customers import ORIGIN, people
from tests.support.paid_orders import (
    Doors,
    fresh,
    lines,
    opened,
    paid,
    payment_of,
    unexplained,
    working,
)
from tests.support.store_staff import accepted, refused, step

APPLES = 2  # 399 a piece, so that 150 grams of them are 2660 a kilogram
GRAMS = 150


@pytest.fixture
async def doors(database: Database) -> AsyncIterator[Doors]:
    async with opened(database) as doors:
        yield doors


@pytest.fixture
async def admin(database: Database, city: City) -> Actor:
    return (await people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id)))[0]


async def by_weight(
    database: Database, city: City, admin: Actor, grams: int | None = GRAMS, index: int = APPLES
) -> None:
    how = Handling(temperature_zone=TemperatureZone.AMBIENT, unit_grams=grams)
    product_id = city.products[index].id
    async with working(database, admin, city.company.id) as session:
        await product_handling.set_handling(
            session, actor=admin, product_id=product_id, handling=how
        )


async def listed(database: Database, city: City, index: int = APPLES) -> Listing:
    async with database.read(PLATFORM) as session:
        return await session.get_one(Listing, (city.near.id, city.products[index].id))


async def ordered(database: Database, order: Order) -> OrderLine:
    async with database.read(PLATFORM) as session:
        rows = select(OrderLine).where(OrderLine.order_id == order.id)
        return (await session.scalars(rows)).one()


async def say(
    doors: Doors, staff: Actor, task: Any, quantity: int, grams: int | None
) -> FulfillmentLine:
    pick = Pick(quantity, code="P003", grams=grams)
    await step(doors.database, staff, task, picking.pick_line, pick=pick)
    (line,) = await lines(doors.database, task)
    return line


def fees(order: Order) -> int:
    return order.delivery_fee_minor + order.small_order_fee_minor + order.tip_minor


async def test_a_product_is_sold_by_weight_at_what_a_piece_cost(
    database: Database, city: City, admin: Actor
) -> None:
    await by_weight(database, city, admin)
    row = await listed(database, city)
    assert (row.kilo_price_minor, row.unit_grams, row.price_minor) == (2660, 150, 399)
    await by_weight(database, city, admin, 200)
    row = await listed(database, city)
    assert (row.kilo_price_minor, row.price_minor) == (2660, 532)
    key = (city.near.id, city.products[APPLES].id)
    async with working(database, admin, city.company.id) as session:
        await listings.set_price(
            session, actor=admin, store_id=key[0], product_id=key[1], price_minor=3000
        )
    assert (await listed(database, city)).price_minor == 600
    await by_weight(database, city, admin, None)
    row = await listed(database, city)
    assert (row.kilo_price_minor, row.unit_grams, row.price_minor) == (None, None, 600)


async def test_a_planned_price_keeps_its_meaning(
    database: Database, city: City, admin: Actor
) -> None:
    async with working(database, admin, city.company.id) as session:
        starts = await moment(session) + timedelta(hours=1)
        at = {"store_id": city.near.id, "product_id": city.products[APPLES].id}
        plan = scheduled_prices.Plan(299, starts)
        await scheduled_prices.schedule(session, actor=admin, **at, plan=plan)
    with pytest.raises(Refused) as caught:
        await by_weight(database, city, admin)
    (reason,) = caught.value.reasons
    assert isinstance(reason, PricesPlanned)
    assert reason.stores == 1


@pytest.mark.parametrize("grams", [0, -1, 50_001])
async def test_a_piece_weighs_something(
    grams: int, database: Database, city: City, admin: Actor
) -> None:
    with pytest.raises(Refused) as caught:
        await by_weight(database, city, admin, grams)
    assert isinstance(caught.value.reasons[0], InvalidInput)


@pytest.mark.parametrize("grams", [450, 401, 516, 517])
async def test_what_is_charged_follows_the_scale_up_to_the_headroom(
    grams: int, doors: Doors, city: City, admin: Actor
) -> None:
    database = doors.database
    await by_weight(database, city, admin)
    order = await paid(doors, city, 3, (APPLES,))
    assert (order.items_minor, order.headroom_minor) == (1197, 179)
    task, staff = await accepted(doors, city, order)
    (line,) = await lines(database, task)
    assert (line.unit_grams, line.most_grams) == (150, 517)
    await say(doors, staff, task, 3, grams)
    await step(database, staff, task, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    assert payment.amount_minor == order.total_minor + 179
    charged = (2660 * grams + 500) // 1000 + fees(order)
    assert payment.capture_wanted_minor == charged <= payment.authorized_minor
    now, sold = await fresh(database, order), await ordered(database, order)
    assert (now.charged_minor, now.total_minor) == (charged, order.total_minor)
    tax = included_tax(charged - order.tip_minor, city.company.tax_rate_bp)
    assert now.charged_tax_minor == tax
    assert (sold.packed_grams, sold.charged_minor) == (grams, charged - fees(order))
    assert await unexplained(database, city) == []


async def test_what_the_scale_says_is_checked(doors: Doors, city: City, admin: Actor) -> None:
    database = doors.database
    await by_weight(database, city, admin)
    task, staff = await accepted(doors, city, await paid(doors, city, 3, (APPLES,)))
    pick = Pick(3, code="P003", grams=518)
    reason = await refused(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(reason, TooHeavy)
    assert (reason.most_grams, reason.path) == (517, ["input", "grams"])
    # Fewer pieces may weigh less: each brings its share of what is held.
    pick = Pick(1, code="P003", grams=173)
    reason = await refused(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(reason, TooHeavy)
    for quantity, grams in ((3, None), (3, 0), (3, -5), (0, 100)):
        pick = Pick(quantity, code="P003", grams=grams)
        reason = await refused(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(reason, InvalidInput), (quantity, grams)
        assert reason.path == ["input", "grams"]
    # Somebody typed 45 for 450, or weighed one piece for three.
    for grams, least, most in ((45, 113, 517), (112, 113, 517)):
        pick = Pick(3, code="P003", grams=grams)
        reason = await refused(database, staff, task, picking.pick_line, pick=pick)
        assert isinstance(reason, TooLight)
        assert (reason.least_grams, reason.most_grams) == (least, most)
        assert reason.path == ["input", "grams"]
    line = await say(doors, staff, task, 3, 113)
    assert (line.status, line.picked_grams) == (FulfillmentLineStatus.FOUND, 113)
    line = await say(doors, staff, task, 1, 172)
    assert (line.status, line.picked_grams) == (FulfillmentLineStatus.SHORT, 172)
    line = await say(doors, staff, task, 0, None)
    assert line.picked_grams is None
    task, staff = await accepted(doors, city, await paid(doors, city, 3, (0,)))
    pick = Pick(3, code="P001", grams=100)
    reason = await refused(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(reason, InvalidInput)


async def test_without_headroom_nothing_beyond_the_estimate_is_taken(
    doors: Doors, city: City, admin: Actor
) -> None:
    database = doors.database
    await by_weight(database, city, admin)
    async with working(database, admin, city.company.id) as session:
        where = {"company_id": city.company.id}
        done = await product_handling.set_headroom(session, actor=admin, **where, headroom_bp=0)
        assert done.weighed_headroom_bp == 0
        for wrong in (-1, 5001):
            with pytest.raises(Refused):
                await product_handling.set_headroom(
                    session, actor=admin, **where, headroom_bp=wrong
                )
        (stranger,) = await people(database)
        with pytest.raises(Refused) as caught:
            await product_handling.set_headroom(session, actor=stranger, **where, headroom_bp=1)
        assert isinstance(caught.value.reasons[0], NotFound)
    order = await paid(doors, city, 3, (APPLES,))
    async with database.read(PLATFORM) as session:
        assert (await payment_of(session, order)).amount_minor == order.total_minor
    task, staff = await accepted(doors, city, order)
    pick = Pick(3, code="P003", grams=451)
    reason = await refused(database, staff, task, picking.pick_line, pick=pick)
    assert isinstance(reason, TooHeavy)
    assert reason.most_grams == 450


async def test_a_heavy_piece_and_a_substitute_stay_within_what_is_held(
    doors: Doors, city: City, admin: Actor
) -> None:
    database = doors.database
    await by_weight(database, city, admin)
    await by_weight(database, city, admin, 100, index=8)
    order = await paid(doors, city, 2, (APPLES,))
    async with database.write(PLATFORM, ORIGIN) as session:
        mine = OrderLine.order_id == order.id
        wish = {"substitution": Substitution.REPLACE_SIMILAR}
        await session.execute(update(OrderLine).where(mine).values(**wish))
    task, staff = await accepted(doors, city, order)
    line = await say(doors, staff, task, 1, 172)
    asked = Proposal(line.id, "P009", 1)
    reason = await refused(database, staff, task, substitutions.propose, proposal=asked)
    assert isinstance(reason, InvalidInput)
    for wrong, grams in ((TooLight, 24), (TooHeavy, 401)):
        asked = Proposal(line.id, "P009", 1, grams=grams)
        reason = await refused(database, staff, task, substitutions.propose, proposal=asked)
        assert isinstance(reason, wrong)
        assert (reason.least_grams, reason.most_grams) == (25, 400)
    asked = Proposal(line.id, "P009", 1, grams=30)
    await step(database, staff, task, substitutions.propose, proposal=asked)
    async with database.write(PLATFORM, ORIGIN) as session:
        rows = select(Substitute).where(Substitute.order_id == order.id)
        row = (await session.scalars(rows)).one()
        row.due_at = await moment(session)
        kilo = (await listed(database, city, 8)).kilo_price_minor or 0
        assert (row.grams, row.total_minor) == (30, weights.cost(kilo, 30))
    async with database.write(PLATFORM, ORIGIN) as session:
        assert await substitutions.time_out(session, row.id)
    await step(database, staff, task, picking.pack, bags=1)
    async with database.read(PLATFORM) as session:
        payment = await payment_of(session, order)
    charged = weights.cost(2660, 172) + weights.cost(kilo, 30) + fees(order)
    assert payment.capture_wanted_minor == charged <= payment.authorized_minor
    assert await unexplained(database, city) == []


async def test_the_counter_sells_by_the_scale(
    doors: Doors, city: City, admin: Actor, database: Database
) -> None:
    await by_weight(database, city, admin)
    card = Payment(Tender.CARD, terminal_reference="4711")

    async def sold(*scans: Scan) -> Any:
        async with working(database, admin, city.company.id) as session:
            return await counter_sales.complete(
                session, actor=admin, store_id=city.near.id, scans=scans, payment=card
            )

    sale = await sold(Scan(2, "P003", grams=301), Scan(1, "P003", grams=150), Scan(1, "P001"))
    apples = weights.cost(2660, 451)
    assert sale.total_minor == apples + city.first.prices[0]
    async with database.read(PLATFORM) as session:
        rows = select(CounterSaleLine).where(CounterSaleLine.counter_sale_id == sale.id)
        first, _ = (await session.scalars(rows.order_by(CounterSaleLine.position))).all()
    assert (first.quantity, first.grams, first.total_minor) == (3, 451, apples)
    for wrong, kind in (
        (Scan(1, "P003"), InvalidInput),
        (Scan(1, "P003", grams=0), InvalidInput),
        (Scan(1, "P001", grams=5), InvalidInput),
        (Scan(1, "P003", grams=37), TooLight),
        (Scan(1, "P003", grams=601), TooHeavy),
    ):
        with pytest.raises(Refused) as caught:
            await sold(wrong)
        (reason,) = caught.value.reasons
        assert isinstance(reason, kind)
        assert reason.path == ["input", "lines", "0", "grams"]
    assert await unexplained(database, city) == []
