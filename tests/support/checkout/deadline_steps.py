"""Everything that waits for a payment attempt until a deadline, in each state of the attempt."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import text

from database.scope import PLATFORM
from jobs import orders as order_jobs
from models.identity import Actor
from models.orders import Order, OrderChange, OrderChangeStatus, OrderStatus
from models.payments import Payment, PaymentStatus
from services.checkout import order_changes
from services.checkout.change_pricing import ChangeRequest
from tests.support.checkout.change_steps import lines, paid_order
from tests.support.city import City
from tests.support.customers import ORIGIN, order_request
from tests.support.order_steps.lost_authorizations import STAGED, lose_authorization, paid_task
from tests.support.paid_orders import write_as
from tests.support.payments import Shop
from tests.support.payments.settlement import OfflinePayments

OFFLINE: Any = OfflinePayments()
MAX_RUNS = 40
UNOPENED, OPEN, DECLINED, BANK_ASKS, PAID = "unopened", "open", "declined", "bank asks", "paid"
ATTEMPT_STATES = (UNOPENED, OPEN, DECLINED, BANK_ASKS, PAID)
CARDS = {
    DECLINED: "pm_card_chargeDeclined",
    BANK_ASKS: "pm_card_threeDSecure2Required",
    PAID: "pm_card_visa",
}


@dataclass(frozen=True)
class Deadline:
    """A row that waits for an attempt until its `payment_due_at`, and the job that ends it."""

    model: Any
    key: UUID
    order: Order
    payment_id: UUID

    @property
    def job(self) -> tuple[str, Callable[..., Awaitable[int]]]:
        if self.model is OrderChange:
            return order_jobs.UNPAID_CHANGES.job, order_jobs.expire_order_changes
        if self.order.status is OrderStatus.PLACED:
            return order_jobs.UNPAID_ORDERS.job, order_jobs.expire_unpaid_orders
        return order_jobs.LOST_PAYMENTS.job, order_jobs.cancel_unpaid_orders


async def new_order(shop: Shop, city: City, buyer: Actor, state: str) -> Deadline:
    gateway = OFFLINE if state == UNOPENED else shop.payments
    order = await replace(shop, payments=gateway).buy(buyer, order_request(city, 2))
    payment = await shop.payment(order)
    assert (payment.intent_id is None) == (state == UNOPENED)
    return Deadline(Order, order.id, order, payment.id)


async def lost_authorization(shop: Shop, city: City, buyer: Actor, state: str) -> Deadline:
    order, _, _ = await paid_task(shop, city, buyer, STAGED)
    await lose_authorization(shop, order)
    if state != UNOPENED:
        await shop.settle(order)
    order = await shop.order(order)
    return Deadline(Order, order.id, order, (await shop.payment(order)).id)


async def requested_change(shop: Shop, city: City, buyer: Actor, state: str) -> Deadline:
    order = await paid_order(shop, city, buyer)
    async with write_as(shop.database, buyer, order.company_id) as session:
        request = ChangeRequest(lines=lines(city, p0=3, p1=2))
        change = await order_changes.request_change(
            session, actor=buyer, order_id=order.id, request=request
        )
    if state != UNOPENED:
        await shop.settle(order)
    assert isinstance(change, OrderChange)
    assert change.payment_id is not None
    return Deadline(OrderChange, change.id, order, change.payment_id)


WAYS = (new_order, lost_authorization, requested_change)
DEADLINES = [*product(WAYS, ATTEMPT_STATES)]
SUCCESS = {OrderStatus.CONFIRMED, OrderChangeStatus.APPLIED}


async def let_act(shop: Shop, deadline: Deadline, state: str) -> None:
    """What the customer does at the provider; all but a payment is read here too."""
    if state in CARDS:
        intent_id = (await attempt_of(shop, deadline)).intent_id or ""
        await shop.sandbox.confirm(await shop.payments.retrieve(intent_id), CARDS[state])
    if state in (DECLINED, BANK_ASKS):
        await shop.settle(deadline.order)


async def attempt_of(shop: Shop, deadline: Deadline) -> Payment:
    async with shop.database.read(PLATFORM) as session:
        return await session.get_one(Payment, deadline.payment_id)


async def row_at(shop: Shop, deadline: Deadline) -> Any:
    async with shop.database.read(PLATFORM) as session:
        return await session.get_one(deadline.model, deadline.key)


async def pass_deadline(shop: Shop, deadline: Deadline, seconds: int = 1) -> None:
    """Move the deadline into the past."""
    statement = text(
        f'update "{deadline.model.__tablename__}" set payment_due_at ='  # noqa: S608 - a table's name
        " clock_timestamp() - make_interval(secs => :seconds) where id = :key"
    )
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(statement, {"key": deadline.key, "seconds": seconds})


async def run_job(shop: Shop, deadline: Deadline, gateway: Any = None) -> bool:
    """Run the job that ends overdue rows until this one had its turn; whether it has failed.

    A failure that waits for its next try is forgotten before.
    """
    name, job = deadline.job
    keys = {"job": name, "item": deadline.key}
    forget = text("delete from job_failure where job = :job and item = :item")
    async with shop.database.write(PLATFORM, ORIGIN) as session:
        await session.execute(forget, keys)
    failed = text("select count(*) from job_failure where job = :job and item = :item")
    due = text(
        f'select payment_due_at < clock_timestamp() from "{deadline.model.__tablename__}"'  # noqa: S608 - a table's name
        " where id = :item"
    )
    for _ in range(MAX_RUNS):
        await job(shop.database, gateway or shop.payments)
        async with shop.database.read(PLATFORM) as session:
            if await session.scalar(failed, keys):
                return True
            if not await session.scalar(due, {"item": deadline.key}):
                return False
    raise AssertionError("the job never took the row")


async def is_unpaid(shop: Shop, deadline: Deadline) -> bool:
    status = (await attempt_of(shop, deadline)).status
    return status not in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}
