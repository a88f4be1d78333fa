"""The state machine of a requested change of a paid order."""

from typing import Any

from models.identity import Actor
from models.orders import OrderChange, OrderChangeAction, OrderChangeStatus
from services.core.state_machine import AutomaticTransition, StateMachine, Transition
from services.orders.order_states import CUSTOMER

AWAITING_PAYMENT = {OrderChangeStatus.AWAITING_PAYMENT}
EXPIRE_JOB = "order_change.expire"


def _is_customer(row: OrderChange, actor: Actor) -> bool:
    return actor.signed_in and actor.person_id == row.customer_id


def _permits(row: OrderChange, actor: Actor, transition: Transition[Any, Any]) -> bool:
    return _is_customer(row, actor)


MACHINE: StateMachine[OrderChange, OrderChangeAction, OrderChangeStatus] = StateMachine(
    name="OrderChange",
    model=OrderChange,
    status=OrderChangeStatus,
    noun="change",
    id_path="orderChangeId",
    initial=AWAITING_PAYMENT,
    transitions=(
        Transition(
            OrderChangeAction.WITHDRAW,
            AWAITING_PAYMENT,
            {OrderChangeStatus.WITHDRAWN},
            party=CUSTOMER,
            by_customer=True,
        ),
    ),
    automatic=(
        AutomaticTransition(
            "payment: the new total is authorized, or the old authorization is enough",
            AWAITING_PAYMENT,
            {OrderChangeStatus.APPLIED},
            job="payment.settle",
        ),
        AutomaticTransition(
            "order: packed, canceled or at another store before the new total was authorized",
            AWAITING_PAYMENT,
            {OrderChangeStatus.WITHDRAWN},
        ),
        AutomaticTransition(
            "job: the new total was not authorized in time",
            AWAITING_PAYMENT,
            {OrderChangeStatus.EXPIRED},
            job=EXPIRE_JOB,
        ),
    ),
    is_visible=_is_customer,
    permits=_permits,
)
