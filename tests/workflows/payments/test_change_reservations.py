"""Units that a change of a paid order has reserved end with the change, whatever job is late."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from database.scope import PLATFORM
from models.identity import Actor
from models.orders import OrderChangeStatus
from models.stock import Hold, HoldStatus
from services.checkout import order_changes
from services.stock import reservations
from services.stock.audit.stock_audit import find_differences
from tests.support.checkout.change_steps import (
    change,
    change_row,
    confirm_change,
    lines,
    paid_order,
    units,
)
from tests.support.city import City
from tests.support.customers import ORIGIN
from tests.support.payments import Shop

PAST = func.now() - timedelta(minutes=10)


async def sweep(shop: Shop, key: UUID) -> int:
    """What hold.sweep would do with the reservations of an id; it is not even selected."""
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(update(Hold).where(Hold.order_id == key).values(expires_at=PAST))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        due = select(reservations.ORDERS_OF_OVERDUE_HOLDS.subquery())
        assert key not in (await session.scalars(due)).all()
        return await reservations.expire(session, [key])


async def test_units_of_a_change_that_waits_stay_reserved_when_its_job_is_late(
    shop: Shop, city: City, buyer: Actor
) -> None:
    """order_change.expire stood still for two minutes: the units were on sale meanwhile.

    The payment then failed for ever, as the units were gone, and the audit reported the order.
    """
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=4, p1=2))
    assert await sweep(shop, requested.id) == 0
    async with shop.database.read(PLATFORM) as session:
        assert await find_differences(session, city.near.id) == []
    await confirm_change(shop, requested)
    await shop.settle(order)
    assert (await change_row(shop, requested)).status is OrderChangeStatus.APPLIED
    assert sorted((await units(shop, order)).values()) == [2, 4]


async def test_units_of_an_ended_change_are_not_left_behind(
    shop: Shop, city: City, buyer: Actor
) -> None:
    order = await paid_order(shop, city, buyer)
    requested = await change(shop, buyer, order, lines=lines(city, p0=4, p1=2))
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await order_changes.withdraw_change(session, actor=buyer, order_change_id=requested.id)
    async with shop.database.read(PLATFORM) as session:
        statuses = await session.scalars(select(Hold.status).where(Hold.order_id == requested.id))
        assert set(statuses) == {HoldStatus.RELEASED}
