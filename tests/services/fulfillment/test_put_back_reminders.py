"""A store that forgets what it has to put back."""

from sqlalchemy import select

from database.scope import PLATFORM
from database.sessions import Database
from jobs import fulfillment as jobs
from models.orders import Order
from models.support import Ticket, TicketCategory, TicketStatus
from services.events.event_log import store_queue_stream
from tests.services.fulfillment.test_put_back import cancel, picked_order
from tests.support.city import City
from tests.support.paid_orders import OrderDependencies
from tests.support.store_staff import event_types, make_overdue, put_back_everything

OVERDUE = "FULFILLMENT_PUT_BACK_OVERDUE"


async def case_status(database: Database, order: Order) -> TicketStatus | None:
    """The status of support's case about the put-back of an order."""
    async with database.read(PLATFORM) as session:
        statement = select(Ticket.status).where(Ticket.order_id == order.id)
        status: TicketStatus | None = await session.scalar(
            statement.where(Ticket.category == TicketCategory.PUT_BACK_OVERDUE)
        )
        return status


async def test_the_store_is_reminded_until_the_units_are_put_back(
    dependencies: OrderDependencies, city: City
) -> None:
    """Bags of a canceled order are forgotten: the store is told, then support has a case."""
    database, stream = dependencies.database, store_queue_stream(city.near.id)
    order, task, staff = await picked_order(dependencies, city)
    await cancel(database, order)
    await jobs.remind_of_put_backs(database)
    assert OVERDUE not in await event_types(database, stream)
    for times in (1, 2):
        await make_overdue(database, task)
        await jobs.remind_of_put_backs(database)
        assert (await event_types(database, stream)).count(OVERDUE) == times
        assert (await case_status(database, order) is None) == (times == 1)
    assert await case_status(database, order) is TicketStatus.OPEN
    await put_back_everything(database, staff, task)
    assert await case_status(database, order) is TicketStatus.RESOLVED
    await make_overdue(database, task)
    await jobs.remind_of_put_backs(database)
    assert (await event_types(database, stream)).count(OVERDUE) == 2
