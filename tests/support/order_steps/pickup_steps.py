"""Steps of orders that customers collect from the store."""

from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.fulfillment import Fulfillment, FulfillmentStatus
from models.identity import Actor
from models.orders import FulfillmentMethod, Order
from models.stores import Store
from services.carts.baskets import OrderRequest, RequestedLine
from services.core.problems import CommittedDomainError
from services.delivery.step_overrides import StepOverride
from services.fulfillment import fulfillments, pickups
from tests.support import riders
from tests.support.city import City
from tests.support.customers import ORIGIN, create_people
from tests.support.paid_orders import (
    OrderDependencies,
    authorize,
    capture_payment,
    fulfillments_of,
    reload_order,
    write_as,
)
from tests.support.store_staff import accept_task, run_step
from workflows.checkout import place_order

READY, COLLECTED = FulfillmentStatus.READY_FOR_PICKUP, FulfillmentStatus.COLLECTED


async def change_store(database: Database, city: City, **columns: object) -> None:
    """Change columns of the nearest store."""
    async with database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Store).where(Store.id == city.near.id).values(**columns))


def pickup_request(city: City, **more: object) -> OrderRequest:
    lines = (RequestedLine(city.products[0].id, 2), RequestedLine(city.products[1].id, 2))
    method = FulfillmentMethod.PICKUP
    columns: dict[str, object] = {"method": method, "store_id": city.near.id, "lines": lines}
    return OrderRequest(**(columns | more))  # type: ignore[arg-type] # fields of the request


async def place(dependencies: OrderDependencies, request: OrderRequest) -> Order:
    (customer,) = await create_people(dependencies.database)
    result = await place_order.place(
        dependencies, actor=customer, origin=ORIGIN, order_request=request
    )
    return result.order


async def staged_order(
    dependencies: OrderDependencies, city: City
) -> tuple[Order, Fulfillment, Actor]:
    """An order that waits in the store for its customer, its task and its picker."""
    database = dependencies.database
    order = await place(dependencies, pickup_request(city))
    await authorize(database, order)
    task, staff = await accept_task(dependencies, city, order)
    await riders.pick_and_pack(dependencies, task, staff)
    await capture_payment(database, order)
    (packed,) = await fulfillments_of(database, order)
    if packed.status is FulfillmentStatus.PACKED:
        packed = await run_step(database, staff, task, fulfillments.stage)
    return await reload_order(database, order), packed, staff


async def give_code(
    database: Database,
    actor: Actor,
    task: Fulfillment,
    code: str | None,
    override: StepOverride | None = None,
) -> Fulfillment:
    """Hand the bags over; a wrong code is counted, as `run_mutation` does."""
    async with write_as(database, actor, task.company_id) as session:
        try:
            return await pickups.collect(
                session, actor=actor, fulfillment_id=task.id, code=code, override=override
            )
        except CommittedDomainError as error:
            wrong = error
    raise wrong
