"""Changes of paid orders: requesting one, taking it back, and reading them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from dataloaders import payments as load_payments
from models.orders import Order, OrderChange, OrderChangeAction
from models.payments import Payment
from resolvers.context import Info
from resolvers.mutations import company_of, run_mutation
from resolvers.orders.inputs import OrderChangeInput, OrderChangeWithdrawInput
from services.checkout import order_changes
from services.core.problems import parse_id
from services.orders.order_change_states import MACHINE
from workflows.payments import settle_payment


@dataclass
class OrderChangeOutcome:
    """The result of orderChange and orderChangeWithdraw: the change, or the errors.

    An order that has all that was asked for stands in place of the change.
    """

    row: OrderChange | Order | None = None
    errors: list[Any] = field(default_factory=list)

    @property
    def order_change(self) -> OrderChange | None:
        return self.row if isinstance(self.row, OrderChange) else None

    @property
    def order_id(self) -> UUID | None:
        if self.row is None:
            return None
        return self.row.id if isinstance(self.row, Order) else self.row.order_id


async def change(info: Info, input: OrderChangeInput) -> OrderChangeOutcome:
    context = info.context
    caller: Any = {"actor": context.actor, "limits": context.container.unpaid_limits}
    caller["expected_version"] = input.expected_version

    async def operation(session: AsyncSession) -> OrderChange | Order:
        key, request = parse_id(Order, input.order_id, "orderId"), input.to_request()
        return await order_changes.request_change(session, order_id=key, request=request, **caller)

    return await _run(info, operation, input, company_of(info, Order, input.order_id, "orderId"))


async def withdraw(info: Info, input: OrderChangeWithdrawInput) -> OrderChangeOutcome:
    key = input.order_change_id

    async def operation(session: AsyncSession) -> OrderChange:
        change_id = parse_id(OrderChange, key, MACHINE.id_path)
        return await order_changes.withdraw_change(
            session, actor=info.context.actor, order_change_id=change_id
        )

    return await _run(info, operation, input, company_of(info, OrderChange, key, MACHINE.id_path))


async def _run(info: Info, operation: Any, input: object, company: Any) -> OrderChangeOutcome:
    """Run a mutation, then send what it requests of the payment to the provider."""
    outcome = await run_mutation(
        info, OrderChangeOutcome, operation, input=input, company_id=company
    )
    if row := outcome.order_change:
        container = info.context.container
        await settle_payment.settle(
            container.database, container.payments, row.order_id, only_requested=True
        )
    return outcome


def available_actions(
    parent: strawberry.Parent[OrderChange], info: Info
) -> list[OrderChangeAction]:
    return MACHINE.available_actions(parent, info.context.actor)


async def payment(parent: strawberry.Parent[OrderChange], info: Info) -> Payment | None:
    """The payment attempt of the new total; null where none was needed."""
    if parent.payment_id is None:
        return None
    return await info.context.loaders.load(load_payments.payment_by_id, parent.payment_id)
