"""Payments: asking how one stands, and sending money back."""

from dataclasses import dataclass, field
from typing import Any

from models.orders import Order
from models.payments import Refund
from resolvers.context import Info
from resolvers.mutations import attempt, of
from resolvers.orders.orders import OrderOutcome
from resolvers.payments.inputs import PaymentRefreshInput, RefundIssueInput
from services import checkout
from services.core.problems import Refused, key_of
from services.orders import orders
from workflows.payments import refresh_payment


@dataclass
class RefundOutcome:
    """What refundIssue answers: the refund, or every reason against it."""

    refund: Refund | None = None
    errors: list[Any] = field(default_factory=list)


async def refresh(info: Info, input: PaymentRefreshInput) -> OrderOutcome:
    house = info.context.house
    try:
        key = key_of(Order, input.order_id, "orderId")
        async with info.context.read() as session:
            await orders.visible(session, key)
        await refresh_payment.refresh(house.database, house.payments, key)
        async with info.context.read() as session:
            return OrderOutcome(await orders.visible(session, key))
    except Refused as refused:
        return OrderOutcome(errors=refused.reasons)


async def refund(info: Info, input: RefundIssueInput) -> RefundOutcome:
    what: Any = {"amount_minor": input.amount_minor, "reason": input.reason, "note": input.note}
    what["actor"] = info.context.actor

    async def verb(session: Any) -> Refund:
        key = key_of(Order, input.order_id, "orderId")
        return await checkout.refund(session, order_id=key, **what)

    company = of(info, Order, input.order_id, "orderId")
    return await attempt(info, RefundOutcome, verb, input=input, company_id=company)
