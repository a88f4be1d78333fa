"""Substitutes for missing units: proposed by the picker, answered by the customer."""

from typing import Any

from sqlalchemy import select, update

from database.scope import PLATFORM
from database.sessions import Database
from models.carts import SubstitutionPreference
from models.fulfillment import Fulfillment, FulfillmentStatus, Substitution
from models.identity import Actor
from models.orders import Order, OrderLine
from services.fulfillment import picking, substitutions
from services.fulfillment.picking import LinePick
from services.fulfillment.substitutions import SubstituteProposal
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.paid_orders import OrderDependencies, lines_of, place_paid_order, write_as
from tests.support.store_staff import accept_task, run_step


async def order_with_short_line(
    dependencies: OrderDependencies, city: City, preference: SubstitutionPreference
) -> tuple[Order, Fulfillment, Actor, Any]:
    """An order of two units of a product, of which the picker finds one."""
    order = await place_paid_order(dependencies, city, 2, (3,))
    async with dependencies.database.write(PLATFORM, ORIGIN) as session:
        of_order = OrderLine.order_id == order.id
        await session.execute(
            update(OrderLine).where(of_order).values(substitution_preference=preference)
        )
    fulfillment, staff = await accept_task(dependencies, city, order)
    (line,) = await lines_of(dependencies.database, fulfillment)
    await run_step(
        dependencies.database, staff, fulfillment, picking.pick_line, pick=LinePick(1, line.id)
    )
    return order, fulfillment, staff, line


async def propose(
    dependencies: OrderDependencies, fulfillment: Fulfillment, staff: Actor, line: Any, code: str
) -> Any:
    proposal = SubstituteProposal(line.id, code, 1)
    result = await run_step(
        dependencies.database, staff, fulfillment, substitutions.propose, proposal=proposal
    )
    assert result.status is FulfillmentStatus.AWAITING_SUBSTITUTION
    return await newest_substitute(dependencies.database, fulfillment)


async def newest_substitute(database: Database, fulfillment: Fulfillment) -> Substitution:
    async with database.read(PLATFORM) as session:
        statement = select(Substitution).where(Substitution.fulfillment_id == fulfillment.id)
        return (await session.scalars(statement.order_by(Substitution.id.desc()).limit(1))).one()


async def answer(
    dependencies: OrderDependencies, order: Order, substitute: Substitution, accept: bool
) -> Substitution:
    customer = Actor(person_id=order.customer_id)
    async with write_as(dependencies.database, customer, order.company_id) as session:
        return await substitutions.answer(
            session, actor=customer, substitute_id=substitute.id, accept=accept
        )
