"""Support's work on payments and refunds that the provider does not settle, and on disputes."""

from typing import Any

from sqlalchemy import select, update

from database.audit import AuditContext
from database.scope import PLATFORM
from jobs import payments as payment_jobs
from models.orders import Order
from models.payments import Payment, Refund
from services.core.problems import parse_id
from services.payments.stuck import STUCK_AFTER_TRIES
from tests.support.operations.player import OperationPlayer
from workflows.payments import settle_payment, settle_refunds

ORIGIN = AuditContext("test")


async def handle_payment_problems(play: OperationPlayer, order: str) -> None:
    """Handle failed and stuck refunds of a captured order, a stuck void, and a dispute."""
    retried, paid, closed, resumed = [await _refund_pending(play, order) for _ in range(4)]
    for provider_refund_id in (retried[1], paid[1], closed[1]):
        ended = {"refund": provider_refund_id, "status": "failed"}
        await play.desk.control("refunds", ended)
    await _try_refunds(play, order)
    assert len((await play("agent", "stuck_refunds"))["nodes"]) >= 2
    await play("agent", "refund_retry", refundId=retried[0])
    await play("agent", "refund_mark_paid", refundId=paid[0])
    await play("agent", "refund_close", refundId=closed[0])
    await _during_outage(play, order, Refund)
    assert (await play("agent", "stuck_refunds"))["nodes"]
    await play("agent", "refund_resume", refundId=resumed[0])
    await _resume_void(play)
    await _dispute(play, order)


async def _refund_pending(play: OperationPlayer, order: str) -> tuple[str, str]:
    """The ids of a refund that the provider has accepted and not sent: ours and the provider's."""
    await play.desk.control("faults", {"pending_refunds": True})
    issued = await play("agent", "order_refund", orderId=order, amountMinor=10)
    await play.settle(order)
    await play.desk.control("faults", {})
    refund_id = issued["refund"]["id"]
    async with play.container.database.read(PLATFORM) as session:
        row = await session.get_one(Refund, parse_id(Refund, refund_id))
    assert row.provider_refund_id is not None
    return refund_id, row.provider_refund_id


async def _try_refunds(play: OperationPlayer, order: str) -> None:
    key = parse_id(Order, order)
    async with play.container.database.read(PLATFORM) as session:
        ids = (await session.scalars(select(Refund.id).where(Refund.order_id == key))).all()
    for refund_id in ids:
        await settle_refunds.settle_refund(
            play.container.database, play.container.payments, refund_id
        )


async def _during_outage(play: OperationPlayer, order: str, model: Any) -> None:
    """Make the last scheduled try before a person is asked, while the provider is down."""
    key, database = parse_id(Order, order), play.container.database
    async with database.write(PLATFORM, ORIGIN) as session:
        tries = {"tries": STUCK_AFTER_TRIES - 1}
        await session.execute(update(model).where(model.order_id == key).values(tries))
    await play.desk.control("faults", {"outage": True})
    if model is Refund:
        await _try_refunds(play, order)
    else:
        async with database.read(PLATFORM) as session:
            payment_id = await session.scalar(select(Payment.id).where(Payment.order_id == key))
        assert payment_id is not None
        await settle_payment.settle_payment(database, play.container.payments, payment_id)
    await play.desk.control("faults", {})


async def _resume_void(play: OperationPlayer) -> None:
    order = await play.order()
    await play.call_here("buyer", "order_cancel", orderId=order)
    await _during_outage(play, order, Payment)
    [stuck] = [
        node
        for node in (await play("agent", "stuck_payments"))["nodes"]
        if node["order"]["id"] == order
    ]
    await play("agent", "payment_resume", paymentId=stuck["id"])
    await play.settle(order)


async def _dispute(play: OperationPlayer, order: str) -> None:
    """Dispute the payment of an order at the provider, and list disputes."""
    key = parse_id(Order, order)
    async with play.container.database.read(PLATFORM) as session:
        query = select(Payment.intent_id).where(Payment.order_id == key)
        intent_id = await session.scalar(query)
    await play.desk.control("disputes", {"payment_intent": intent_id, "amount": 10})
    await payment_jobs.reconcile_account(play.container.database, play.container.payments)
    for who in ("agent", "owner"):
        assert (await play(who, "dispute_list"))["nodes"]


async def change_paid_orders(play: OperationPlayer) -> None:
    """Change a paid order and take it back; show what a cancellation costs; set its fee."""
    await play("owner", "company_update", companyId=play.company)
    order = await play.order()
    for who in ("buyer", "agent"):
        await play(who, "order_cancellation", id=order)
    change = (await play("buyer", "order_change", orderId=order))["orderChange"]
    assert change["status"] == "AWAITING_PAYMENT"
    withdrawn = await play("buyer", "order_change_withdraw", orderChangeId=change["id"])
    assert withdrawn["orderChange"]["status"] == "WITHDRAWN"
    changed = await play("buyer", "order_change", orderId=order, tipMinor=0)
    assert changed["orderChange"]["status"] == "APPLIED"
