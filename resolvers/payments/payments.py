"""Payments: refreshing a payment and issuing refunds."""

from dataclasses import dataclass, field
from typing import Any

from models.orders import Order
from models.payments import Refund
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.orders.orders import OrderOutcome
from resolvers.payments.inputs import OrderPaymentRefreshInput, RefundIssueInput
from services.core.problems import DomainError, parse_id
from services.orders import orders
from services.payments import support_refunds
from workflows.payments import refresh_payment


@dataclass
class RefundOutcome:
    """The result of refundIssue: the refund, or the errors."""

    refund: Refund | None = None
    errors: list[Any] = field(default_factory=list)


async def refresh(info: Info, input: OrderPaymentRefreshInput) -> OrderOutcome:
    container = info.context.container
    try:
        order_id = parse_id(Order, input.order_id, "orderId")
        async with info.context.read() as session:
            await orders.visible_order(session, order_id)
        await refresh_payment.refresh(container.database, container.payments, order_id)
        async with info.context.read() as session:
            return OrderOutcome(await orders.visible_order(session, order_id))
    except DomainError as error:
        return OrderOutcome(errors=error.problems)


async def refund(info: Info, input: RefundIssueInput) -> RefundOutcome:
    arguments: Any = {"actor": info.context.actor, "amount_minor": input.amount_minor}
    arguments |= {"reason": input.reason, "note": input.note}

    async def operation(session: Any) -> Refund:
        key = parse_id(Order, input.order_id, "orderId")
        return await support_refunds.issue_refund(session, order_id=key, **arguments)

    company = company_of(info, Order, input.order_id, "orderId")
    return await run_mutation(info, RefundOutcome, operation, input=input, company_id=company)
