"""Random picking, substitution and cancellation neither create nor lose a unit of stock."""

import random
from typing import Any

import pytest
from sqlalchemy import select, update

from database.scope import PLATFORM
from models.carts import SubstitutionPreference
from models.fulfillment import Fulfillment, FulfillmentLineStatus, Substitution, SubstitutionStatus
from models.identity import Actor
from models.orders import Order, OrderLine
from services.core.problems import DomainError
from services.fulfillment import fulfillments, picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal
from services.stock.receiving import StockReceiptLine
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import (
    OrderDependencies,
    fulfillments_of,
    lines_of,
    payment_of,
    place_paid_order,
    unexplained_stock,
    write_as,
)
from tests.support.stock.batches import day, receive
from tests.support.store_staff import accept_task, put_back_everything, run_step

STEPS = 14


async def pick(
    dependencies: OrderDependencies, staff: Actor, fulfillment: Fulfillment, rng: random.Random
) -> None:
    line = rng.choice(await lines_of(dependencies.database, fulfillment))
    line_pick = LinePick(rng.randint(0, line.quantity), line.id, damaged=rng.choice([0, 0, 1, 2]))
    await run_step(dependencies.database, staff, fulfillment, picking.pick_line, pick=line_pick)


async def propose(
    dependencies: OrderDependencies, staff: Actor, fulfillment: Fulfillment, rng: random.Random
) -> None:
    line = rng.choice(await lines_of(dependencies.database, fulfillment))
    proposal = SubstituteProposal(line.id, rng.choice(["P001", "P002", "P005"]), 1)
    await run_step(
        dependencies.database, staff, fulfillment, substitutions.propose, proposal=proposal
    )


async def answer(
    dependencies: OrderDependencies, staff: Actor, fulfillment: Fulfillment, rng: random.Random
) -> None:
    async with dependencies.database.read(PLATFORM) as session:
        statement = select(Substitution).where(Substitution.fulfillment_id == fulfillment.id)
        rows = await session.scalars(
            statement.where(Substitution.status == SubstitutionStatus.PROPOSED)
        )
        substitutes = rows.all()
    for substitute in substitutes:
        customer = Actor(substitute.customer_id)
        async with write_as(dependencies.database, customer, fulfillment.company_id) as session:
            await substitutions.answer(
                session, actor=customer, substitute_id=substitute.id, accept=rng.random() < 0.5
            )


async def decide_and_pack(
    dependencies: OrderDependencies, staff: Actor, fulfillment: Fulfillment, order: Order
) -> Any:
    """Decide all open lines and pack."""
    await answer(dependencies, staff, fulfillment, random.Random(0))
    for line in await lines_of(dependencies.database, fulfillment):
        if line.status is FulfillmentLineStatus.PENDING:
            line_pick = LinePick(line.quantity, line.id)
            await run_step(
                dependencies.database, staff, fulfillment, picking.pick_line, pick=line_pick
            )
    await run_step(dependencies.database, staff, fulfillment, picking.pack, bags=1)
    async with dependencies.database.read(PLATFORM) as session:
        return await payment_of(session, order)


@pytest.mark.parametrize("seed", range(6))
async def test_stock_movements_explain_the_stock_after_any_random_steps(
    seed: int, dependencies: OrderDependencies, city: City
) -> None:
    database, rng = dependencies.database, random.Random(seed)
    near, (milk, bread) = city.near, (city.products[0].id, city.products[1].id)
    await receive(
        database,
        near,
        StockReceiptLine(milk, 2, "soon", day(1)),
        StockReceiptLine(milk, 2, "late", day(9)),
        StockReceiptLine(bread, 1, "soon", day(1)),
    )
    order = await place_paid_order(dependencies, city, 3, (0, 1, 2))
    async with database.write(PLATFORM, ORIGIN) as session:
        of_order = OrderLine.order_id == order.id
        preference = {"substitution_preference": SubstitutionPreference.ASK_ME}
        await session.execute(update(OrderLine).where(of_order).values(**preference))
    fulfillment, staff = await accept_task(dependencies, city, order)
    for _ in range(STEPS):
        step = rng.choice([pick, pick, propose, answer])
        try:
            await step(dependencies, staff, fulfillment, rng)
        except DomainError:
            continue
    assert await unexplained_stock(database, city) == []
    if seed % 2:
        payment = await decide_and_pack(dependencies, staff, fulfillment, order)
        assert (payment.capture_wanted_minor or 0) <= payment.authorized_amount_minor
    else:
        async with write_as(database, staff, order.company_id) as session:
            await fulfillments.cancel_for_order(session, await session.get_one(Order, order.id))
        assert await unexplained_stock(database, city) == []
        (ended,) = await fulfillments_of(database, order)
        if ended.put_back_is_open:
            await put_back_everything(database, staff, ended)
    assert await unexplained_stock(database, city) == []
